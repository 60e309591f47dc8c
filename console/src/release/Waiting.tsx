import '../style/release.css'
import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { releases, session } from '../api/queries'
import type { Pending, Release } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Fold, Loading, Moment, Panel, PartyName, ProblemNote } from '../parts'
import { GateView } from './GateView'
import { Reasoned } from './Reasoned'
import { Receipt } from './Receipt'

/** Waiting: the releases that others than their asker must approve. */
export function Waiting(props: { sees: boolean; approves: boolean }) {
  const say = useSay()
  const asked = useQuery(releases)
  return (
    <Asked of={asked}>
      {(data) => {
        const waiting = data.releases.filter((r) => r.state === 'waiting')
        const settled = data.releases.filter((r) => r.state !== 'waiting')
        if (!data.releases.length) return null
        return (
          <Panel id="approvals" title={say('approvals.title')} note={say('approvals.n', { n: waiting.length })}>
            <ul className="approvals">
              {waiting.map((one) => <li key={one.id}><Row of={one} {...props} /></li>)}
            </ul>
            {settled.length > 0 && (
              <div className="pad">
                <Fold title={say('approvals.settled', { n: settled.length })}>
                  <ul className="approvals">
                    {settled.slice(0, 50).map((one) => <li key={one.id}><Row of={one} {...props} /></li>)}
                  </ul>
                </Fold>
              </div>
            )}
          </Panel>
        )
      }}
    </Asked>
  )
}

function Row(props: { of: Pending; sees: boolean; approves: boolean }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const me = useQuery(session).data?.user.name ?? ''
  const [rejecting, setRejecting] = useState(false)
  const { of } = props
  const mine = of.by.name.trim().toLowerCase() === me.trim().toLowerCase()
  const agreed = of.approvals.some((a) => a.name.trim().toLowerCase() === me.trim().toLowerCase())
  const approve = useMutation({
    mutationFn: () => call<Pending>('POST', `/releases/${encodeURIComponent(of.id)}/approve`),
    onSuccess: () => void queries.invalidateQueries(),
  })
  return (
    <article className="approval">
      <h3><bdi>{of.title}</bdi></h3>
      <p>
        <span className={`state tone-${of.state === 'waiting' ? 'warn' : of.state === 'released' ? 'good' : 'off'}`}>{term('pending', of.state)}</span>{' '}
        {term('outcome', of.outcome)} → {of.to.map((party) => <PartyName key={party} id={party} name={party} />)}
      </p>
      <p className="quiet">
        {say('approvals.asked')} <bdi>{of.by.name}</bdi> · <Moment at={of.at} /> · {term('purpose', of.purpose)}
      </p>
      <p>
        {say('approvals.have', { n: of.approvals.length, of: of.needed })}
        {of.approvals.map((a) => <span key={a.name} className="quiet"> · <bdi>{a.name}</bdi> <Moment at={a.at} /></span>)}
      </p>
      {of.reason && <p><bdi>{of.reason}</bdi></p>}
      {of.release?.copies?.map((copy) => <Receipt key={copy.to} event={copy.event} label={say('receipt')} />)}
      {props.sees && of.state === 'waiting' && <Fold title={say('approvals.both')}><Both of={of} /></Fold>}
      {approve.error != null && <ProblemNote error={approve.error} />}
      {of.state === 'waiting' && (
        <p className="acts">
          {props.approves && !mine && !agreed && (
            <Act kind="main" icon="check" isDisabled={approve.isPending} onPress={() => approve.mutate()}>{say('approvals.approve')}</Act>
          )}
          {(props.approves || mine) && <Act onPress={() => setRejecting(true)}>{say(mine ? 'approvals.take-back' : 'approvals.reject')}</Act>}
          {mine && <span className="quiet">{say('approvals.own')}</span>}
        </p>
      )}
      {rejecting && (
        <Reasoned
          title={say(mine ? 'approvals.take-back-title' : 'approvals.reject-title')}
          act={say(mine ? 'approvals.take-back-act' : 'approvals.reject-act')}
          label={say('approvals.why')}
          path={`/releases/${encodeURIComponent(of.id)}/reject`}
          body={(reason) => ({ reason })}
          onClose={() => setRejecting(false)}
        >
          <p className="dialog-subject" dir="auto">{of.title}</p>
        </Reasoned>
      )}
    </article>
  )
}

/** Both versions, as the gate would let them pass now. */
function Both(props: { of: Pending }) {
  const { of } = props
  const tried = useQuery({
    queryKey: ['dry-run', of.id],
    queryFn: ({ signal }) =>
      call<Release>('POST', '/release', {
        body: { object: of.object, accord: of.accord, to: of.to, purpose: of.purpose, legal_basis: of.legal_basis, dry_run: true },
        signal,
      }),
    gcTime: 0,
  })
  if (tried.error) return <ProblemNote error={tried.error} again={() => void tried.refetch()} />
  return tried.data ? <GateView of={tried.data} /> : <Loading />
}
