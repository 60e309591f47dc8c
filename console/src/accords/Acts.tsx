// What a member can do to an accord besides suspending it: sign, end, set rungs.
import { useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Accord } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, ProblemNote } from '../parts'
import { Confirm } from '../parts/Confirm'
import { useDraft } from '../parts/draft'
import { rungs } from './Ladder'

const useAct = (accord: Accord, onDone?: () => void) => {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ verb, body }: { verb: string; body?: unknown }) => call<Accord>('POST', `/accords/${encodeURIComponent(accord.id)}/${verb}`, { body }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone?.()
    },
  })
}

export function SignDialog({ accord, onClose }: { accord: Accord; onClose: () => void }) {
  const say = useSay()
  const act = useAct(accord, onClose)
  return (
    <Confirm title={say('accord.sign-title')} act={say('accord.sign-act')} ready busy={act.isPending} error={act.error} onAct={() => act.mutate({ verb: 'sign' })} onClose={onClose}>
      <p>{say('accord.sign-note')}</p>
    </Confirm>
  )
}

export function EndDialog({ accord, onClose }: { accord: Accord; onClose: () => void }) {
  const say = useSay()
  const [reason, setReason, sent] = useDraft(`end.${accord.id}`)
  const act = useAct(accord, () => { sent(); onClose() })
  return (
    <Confirm
      title={say('accord.end-title')} act={say('accord.end-act')} kind="grave" ready={reason.trim() !== ''} busy={act.isPending} error={act.error}
      onAct={() => act.mutate({ verb: 'end', body: { reason: reason.trim() } })} onClose={onClose}
    >
      <p>{say('accord.end-note')}</p>
      <label className="field"><span className="label">{say('suspend.reason')}</span>
        <textarea rows={3} dir="auto" value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
    </Confirm>
  )
}

/** Grants sets the rung that we grant each other member, and accepts what they offer. */
export function Grants({ accord }: { accord: Accord }) {
  const say = useSay()
  const term = useTerm()
  const act = useAct(accord)
  const [wanted, setWanted] = useState<Record<string, string>>({})
  const me = accord.members.find((m) => m.me)
  if (!me || accord.state === 'ended') return null
  const ceiling = rungs.indexOf(accord.ceiling.rung as (typeof rungs)[number])
  const level = (rung: string) => rungs.indexOf(rung as (typeof rungs)[number])
  return (
    <div className="inset">
      {act.error && <ProblemNote error={act.error} />}
      {accord.members.filter((m) => !m.me).map((member) => {
        const ours = (accord.rungs ?? []).find((r) => r.from === me.party && r.to === member.party)?.rung ?? rungs[0]
        const offer = (accord.rungs ?? []).find((r) => r.from === member.party && r.to === me.party)?.offered
        const next = wanted[member.party] ?? ours
        return (
          <div key={member.party} className="acts">
            <label className="choice">
              <span className="label">{say('ladder.set', { name: member.name })}</span>
              <select value={next} onChange={(event) => setWanted({ ...wanted, [member.party]: event.target.value })}>
                {rungs.slice(0, ceiling + 1).map((rung) => <option key={rung} value={rung}>{term('rung', rung)}</option>)}
              </select>
            </label>
            <Act isDisabled={next === ours || act.isPending} onPress={() => act.mutate({ verb: 'rung', body: { to: member.party, rung: next } })}>
              {say(level(next) < level(ours) ? 'ladder.lower' : 'ladder.raise')}
            </Act>
            {offer && (
              <Act kind="main" isDisabled={act.isPending} onPress={() => act.mutate({ verb: 'accept', body: { from: member.party } })}>
                {say('ladder.accept', { rung: term('rung', offer), name: member.name })}
              </Act>
            )}
          </div>
        )
      })}
    </div>
  )
}
