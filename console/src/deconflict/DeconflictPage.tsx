import '../style/deconflict.css'
import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords, exchanges, footprints, session } from '../api/queries'
import { worked } from '../i18n/work'
import { useSay } from '../i18n'
import { Act, Asked, Empty, Panel, PartyName, ProblemNote } from '../parts'
import type { Footprint } from '../api/types'
import { Desk } from './Desk'
import { EnterPlan } from './EnterPlan'
import { ExchangeRow } from './ExchangeRow'
import { PlanCard } from './PlanCard'

export default worked(DeconflictPage)

/** DeconflictPage: whether our plans collide with a partner's, without showing
 * either; and what the two desks do about it. */
function DeconflictPage() {
  const say = useSay()
  const role = useQuery(session).data?.user.role ?? ''
  const acts = role === 'officer' || role === 'approver' || role === 'operator'
  const plans = useQuery(footprints)
  const met = useQuery(exchanges)
  const [entering, setEntering] = useState<Footprint | 'new' | null>(null)
  const change = (plan: Footprint) => {
    setEntering(plan)
    scrollTo({ top: 0 })
  }
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.deconflict')}</h1>
        <p className="holdings">{say('plans.lead')}</p>
      </header>
      {acts && (entering ? <EnterPlan key={entering === 'new' ? '' : entering.id} of={entering === 'new' ? undefined : entering} onDone={() => setEntering(null)} /> : (
        <p className="acts"><Act kind="main" icon="plus" onPress={() => setEntering('new')}>{say('plans.enter')}</Act> <RunNow /></p>
      ))}
      <Panel id="plans" title={say('plans.title')}>
        <Asked of={plans}>
          {(data) =>
            data.footprints?.length ? (
              <ul className="cards">{data.footprints.map((p) => <li key={p.id}><PlanCard of={p} acts={acts} onChange={change} /></li>)}</ul>
            ) : (
              <Empty title={say('plans.none')}>{say('plans.none-note')}</Empty>
            )
          }
        </Asked>
      </Panel>
      <Panel id="exchanges" title={say('exchanges.title')} note={say('exchanges.note')}>
        <Asked of={met}>
          {(data) =>
            data.exchanges?.length ? (
              <ul className="cards">{data.exchanges.slice(0, 30).map((x) => <li key={x.id}><ExchangeRow of={x} acts={acts} opens={role === 'officer' || role === 'approver'} /></li>)}</ul>
            ) : (
              <Empty title={say('exchanges.none')}>{say('exchanges.none-note')}</Empty>
            )
          }
        </Asked>
      </Panel>
      {acts && <Desk />}
    </div>
  )
}

/** RunNow matches all plans with each partner at once. */
function RunNow() {
  const say = useSay()
  const queries = useQueryClient()
  const asked = useQuery(accords)
  const pairs = (asked.data?.accords ?? [])
    .filter((a) => a.state === 'in force' && a.members.some((m) => m.me))
    .flatMap((a) => a.members.filter((m) => !m.me).map((m) => ({ accord: a.id, to: m.party, name: m.name })))
  const run = useMutation({
    mutationFn: (pair: { accord: string; to: string }) => call('POST', '/deconflict/exchanges', { body: { accord: pair.accord, to: pair.to } }),
    onSuccess: () => void queries.invalidateQueries(),
  })
  return (
    <>
      {pairs.map((pair) => (
        <Act key={pair.accord + pair.to} isDisabled={run.isPending} onPress={() => run.mutate(pair)}>
          {say('plans.run')} <PartyName id={pair.to} name={pair.name} />
        </Act>
      ))}
      {run.error != null && <ProblemNote error={run.error} />}
    </>
  )
}
