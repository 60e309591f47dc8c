import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords } from '../api/queries'
import type { Operation, Release } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Choice, Empty, Moment, Panel, PartyName } from '../parts'
import { Confirm } from '../parts/Confirm'
import { GateView } from '../release/GateView'
import { Picker } from '../release/Picker'

/** Attachments are objects that the gate let pass to the other members. */
export function Attachments(props: { of: Operation; acts: boolean }) {
  const say = useSay()
  const [attaching, setAttaching] = useState(false)
  const all = props.of.attachments ?? []
  return (
    <Panel id="op-attached" title={say('op.attached')} note={say('op.attached-note')} tools={props.acts && <Act icon="plus" onPress={() => setAttaching(true)}>{say('op.attach')}</Act>}>
      {all.length ? (
        <ul className="cards">
          {all.map((a) => <li key={a.copy + a.party} className="card-row"><p className="card-head"><strong><bdi>{a.title || a.copy}</bdi></strong> <PartyName id={a.party} name={a.party} /> <span className="quiet"><Moment at={a.at} solar /></span></p></li>)}
        </ul>
      ) : (
        <Empty title={say('op.none-attached')} />
      )}
      {attaching && <Attach of={props.of} onClose={() => setAttaching(false)} />}
    </Panel>
  )
}

function Attach(props: { of: Operation; onClose: () => void }) {
  const { of } = props
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const known = useQuery(accords).data?.accords?.find((a) => a.id === of.accord)
  const [chosen, setChosen] = useState<string[]>([])
  const [purpose, setPurpose] = useState('')
  const [title, setTitle] = useState('')
  const picked = purpose || known?.purposes?.[0] || ''
  const doing = useMutation({
    mutationFn: () => call<{ release: Release }>('POST', `/operations/${encodeURIComponent(of.id)}/attachments`, { body: { object: chosen[0], purpose: picked, title: title.trim() } }),
    onSuccess: async (answer) => {
      await queries.invalidateQueries()
      if (answer.release.released) props.onClose()
    },
  })
  const refused = doing.data && !doing.data.release.released ? doing.data.release : null
  return (
    <Confirm title={say('op.attach-title')} act={say('op.attach-act')} wide ready={chosen.length === 1 && picked !== ''} busy={doing.isPending} error={doing.error} onAct={() => doing.mutate()} onClose={props.onClose}>
      <p className="quiet">{say('op.attach-note')}</p>
      <Picker chosen={chosen} onChange={(next) => setChosen(next.slice(-1))} />
      <Choice label={say('release.purpose')} value={picked} options={(known?.purposes ?? []).map((p) => [p, term('purpose', p)])} onChange={setPurpose} />
      <label className="field">
        <span className="label">{say('op.attach-name')}</span>
        <input value={title} dir="auto" maxLength={200} onChange={(event) => setTitle(event.target.value)} />
      </label>
      {refused && <GateView of={refused} />}
    </Confirm>
  )
}
