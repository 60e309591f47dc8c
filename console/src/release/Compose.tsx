import '../style/release.css'
import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords } from '../api/queries'
import type { Accord, ManyReleased, Release } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Empty, Panel, PartyName, ProblemNote, Loading } from '../parts'
import { Confirm } from '../parts/Confirm'
import { amend, useRoute } from '../route'
import { GateView } from './GateView'
import { Picker } from './Picker'
import { Receipt } from './Receipt'

const priorities = ['routine', 'priority', 'immediate', 'flash']

type Ask = { accord: string; to: string[]; purpose: string; legal_basis?: string; priority: string; receipt_first?: boolean }

/** Compose prepares a release. All of it stands in the address, so that it
 * outlives a dropped line and a closed window. */
export function Compose() {
  const say = useSay()
  const asked = useQuery(accords)
  return (
    <Panel id="compose" title={say('release.new')} note={say('release.new-note')}>
      <Asked of={asked}>
        {(data) => {
          const open = (data.accords ?? []).filter((a) => a.state === 'in force' && a.members.some((m) => m.me))
          return open.length ? <Form accords={open} /> : <Empty title={say('release.no-accord')}>{say('release.no-accord-note')}</Empty>
        }}
      </Asked>
    </Panel>
  )
}

function Form(props: { accords: Accord[] }) {
  const say = useSay()
  const term = useTerm()
  const { query } = useRoute()
  const chosen = (query.objects ?? '').split(' ').filter(Boolean)
  const under = props.accords.find((a) => a.id === query.accord) ?? props.accords[0]!
  const others = under.members.filter((m) => !m.me)
  const named = (query.to ?? '').split(' ').filter((id) => others.some((m) => m.party === id))
  const to = named.length ? named : others.map((m) => m.party)
  const [purpose, basis] = [query.purpose, query.basis].map((word, i) => {
    const offered = (i ? under.legal_bases : under.purposes) ?? []
    return word && offered.includes(word) ? word : (offered[0] ?? '')
  }) as [string, string]
  const priority = priorities.find((p) => p === query.priority) ?? 'routine'
  const locked = query.receipt === 'first' && chosen.length < 2
  const ask: Ask = { accord: under.id, to, purpose, legal_basis: basis, priority, ...(locked && { receipt_first: true }) }
  return (
    <div className="compose">
      <div className="compose-what">
        <h3>{say('release.what')} <span className="quiet">{say('release.chosen', { n: chosen.length })}</span></h3>
        <Picker chosen={chosen} onChange={(ids) => amend({ objects: ids.join(' ') })} />
        {chosen.length > 0 && <p><Act icon="close" onPress={() => amend({ objects: '' })}>{say('release.clear')}</Act></p>}
      </div>
      <div className="compose-how">
        <h3>{say('release.how')}</h3>
        <Choice label={say('release.accord')} value={under.id} options={props.accords.map((a) => [a.id, a.title])} onChange={(accord) => amend({ accord, to: '', purpose: '', basis: '' })} />
        <Choice label={say('release.purpose')} value={purpose} options={(under.purposes ?? []).map((p) => [p, term('purpose', p)])} onChange={(value) => amend({ purpose: value })} />
        {(under.legal_bases?.length ?? 0) > 1 && (
          <Choice label={say('release.basis')} value={basis} options={under.legal_bases!.map((b) => [b, b])} onChange={(value) => amend({ basis: value })} />
        )}
        <Choice label={say('release.priority')} value={priority} options={priorities.map((p) => [p, term('priority', p)])} onChange={(value) => amend({ priority: value === 'routine' ? '' : value })} />
        {chosen.length < 2 && (
          <label className="pick">
            <input
              type="checkbox"
              checked={locked}
              aria-describedby="receipt-first"
              onChange={(event) => amend({ receipt: event.target.checked ? 'first' : '' })}
            />
            <span>
              {say('release.receipt-first')} <span id="receipt-first" className="quiet">{say('release.receipt-first-note')}</span>
            </span>
          </label>
        )}
        <fieldset className="tos">
          <legend className="label">{say('release.to')}</legend>
          {others.map((m) => (
            <label key={m.party} className="pick">
              <input
                type="checkbox"
                checked={to.includes(m.party)}
                disabled={to.length === 1 && to[0] === m.party}
                onChange={(event) => amend({ to: (event.target.checked ? [...to, m.party] : to.filter((p) => p !== m.party)).join(' ') })}
              />
              <PartyName id={m.party} name={m.name} />
            </label>
          ))}
        </fieldset>
      </div>
      <div className="compose-gate">
        {chosen.length === 0 ? (
          <Empty title={say('release.pick')}>{say('release.pick-note')}</Empty>
        ) : chosen.length === 1 ? (
          <One key={chosen[0]! + JSON.stringify(ask)} object={chosen[0]!} ask={ask} />
        ) : (
          <Many key={chosen.join() + JSON.stringify(ask)} objects={chosen} ask={ask} />
        )}
      </div>
    </div>
  )
}

function Recipients(props: { to: string[] }) {
  const say = useSay()
  return (
    <p className="recipients">
      {say('release.will-receive')} {props.to.map((party) => <PartyName key={party} id={party} name={party} />)}
    </p>
  )
}

/** useLeaving is a mutation that changes what has left, and refreshes the page. */
function useLeaving<T>(path: string, body: object) {
  const queries = useQueryClient()
  return useMutation({ mutationFn: () => call<T>('POST', path, { body }), onSuccess: () => void queries.invalidateQueries() })
}

function One(props: { object: string; ask: Ask }) {
  const say = useSay()
  const body = { object: props.object, ...props.ask }
  const tried = useQuery({
    queryKey: ['dry-run', body],
    queryFn: ({ signal }) => call<Release>('POST', '/release', { body: { ...body, dry_run: true }, signal }),
    gcTime: 0,
  })
  const leaving = useLeaving<Release>('/release', body)
  if (leaving.data) return <Gone of={leaving.data} />
  if (tried.error) return <ProblemNote error={tried.error} again={() => void tried.refetch()} />
  if (!tried.data) return <Loading />
  const passes = tried.data.outcome === 'full' || tried.data.outcome === 'tearline'
  const needed = tried.data.approvals ?? 0
  return (
    <>
      <GateView of={tried.data} />
      <Recipients to={tried.data.to} />
      {needed > 0 && <p>{say('release.needs', { n: needed })}</p>}
      {leaving.error != null && <ProblemNote error={leaving.error} />}
      <p className="acts">
        <Act kind="main" icon="release" isDisabled={!passes || leaving.isPending} onPress={() => leaving.mutate()}>
          {leaving.isPending ? say('working') : say(needed > 0 ? 'release.ask-approval' : 'release.act')}
        </Act>
      </p>
    </>
  )
}

/** Gone tells what became of a release, and gives the proof of it. */
function Gone(props: { of: Release }) {
  const say = useSay()
  const { of } = props
  return (
    <div className="gone" role="status">
      <p><strong>{say(of.released ? 'release.done' : of.pending ? 'release.waits' : 'release.withheld')}</strong></p>
      <ul>
        {of.copies?.map((copy) => (
          <li key={copy.to}>
            <PartyName id={copy.to} name={copy.to} /> <Receipt event={copy.event} label={say('receipt')} />
          </li>
        ))}
      </ul>
      <p className="acts"><Act onPress={() => amend({ objects: '' })}>{say('release.next')}</Act></p>
    </div>
  )
}

function Many(props: { objects: string[]; ask: Ask }) {
  const say = useSay()
  const body = { objects: props.objects, ...props.ask }
  const [sure, setSure] = useState(false)
  const tried = useQuery({
    queryKey: ['dry-runs', body],
    queryFn: ({ signal }) => call<ManyReleased>('POST', '/releases', { body: { ...body, dry_run: true }, signal }),
    gcTime: 0,
  })
  const leaving = useLeaving<ManyReleased>('/releases', body)
  const shown = leaving.data ?? tried.data
  if (tried.error) return <ProblemNote error={tried.error} again={() => void tried.refetch()} />
  if (!shown) return <Loading />
  return (
    <>
      <p role="status">
        <strong>{say(leaving.data ? 'release.many-done' : 'release.many', { released: shown.released, pending: shown.pending, withheld: shown.withheld })}</strong>
      </p>
      <Results of={shown} />
      <Recipients to={props.ask.to} />
      <p className="acts">
        {leaving.data ? (
          <Act onPress={() => amend({ objects: '' })}>{say('release.next')}</Act>
        ) : (
          <Act kind="main" icon="release" isDisabled={shown.released + shown.pending === 0} onPress={() => setSure(true)}>
            {say('release.many-act')}
          </Act>
        )}
      </p>
      {sure && !leaving.data && (
        <Confirm
          title={say('release.many-title')}
          act={say('release.act')}
          ready
          busy={leaving.isPending}
          error={leaving.error}
          onAct={() => leaving.mutate()}
          onClose={() => setSure(false)}
        >
          <p>{say('release.many', { released: shown.released, pending: shown.pending, withheld: shown.withheld })}</p>
          <Recipients to={props.ask.to} />
        </Confirm>
      )}
    </>
  )
}

function Results(props: { of: ManyReleased }) {
  const say = useSay()
  const term = useTerm()
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={say('release.results')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('release.object')}</th>
            <th scope="col">{say('release.outcome')}</th>
            <th scope="col">{say('release.reason')}</th>
          </tr>
        </thead>
        <tbody>
          {props.of.results.map((one) => (
            <tr key={one.object}>
              <td>{one.title ? <bdi>{one.title}</bdi> : <code dir="ltr" className="digest">{one.object}</code>}</td>
              <td>{term('outcome', one.outcome)}</td>
              <td>{one.reason ? <bdi>{one.reason}</bdi> : <span className="quiet">–</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
