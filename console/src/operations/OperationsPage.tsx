import '../style/operations.css'
import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { operations, session } from '../api/queries'
import type { Operation } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { worked } from '../i18n/work'
import { Act, Asked, Empty, Panel } from '../parts'
import { Icon } from '../parts/Icon'
import { formatRoute, useRoute } from '../route'
import { OperationView } from './OperationView'
import { Propose } from './Propose'

export const tones: Record<string, string> = { proposed: 'info', agreed: 'info', active: 'good', closed: 'off', abandoned: 'warn' }

/** OperationsPage: what several parties do together, under the signatures of each. */
export default worked(function OperationsPage() {
  const say = useSay()
  const { id } = useRoute()
  const me = useQuery(session).data
  const role = me?.user.role ?? ''
  const acts = role === 'officer' || role === 'approver'
  const asked = useQuery(operations)
  const [proposing, setProposing] = useState(false)
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.operations')}</h1>
        <p className="holdings">{say('op.lead')}</p>
      </header>
      <Asked of={asked}>
        {(data) => {
          const all = data.operations ?? []
          const one = all.find((o) => o.id === id)
          if (one) return <OperationView key={one.id} of={one} acts={acts} us={me?.party.id ?? ''} />
          return (
            <>
              {id && <Empty title={say('op.unknown')} />}
              {acts && (proposing ? <Propose onDone={() => setProposing(false)} /> : <p className="acts"><Act kind="main" icon="plus" onPress={() => setProposing(true)}>{say('op.propose')}</Act></p>)}
              <Panel id="operations" title={say('op.all')}>{all.length ? <List of={all} /> : <Empty title={say('op.none')}>{say('op.none-note')}</Empty>}</Panel>
            </>
          )
        }}
      </Asked>
    </div>
  )
})

function List(props: { of: Operation[] }) {
  const say = useSay()
  const term = useTerm()
  const open = ['active', 'agreed', 'proposed', 'closed', 'abandoned']
  const sorted = [...props.of].sort((a, b) => open.indexOf(a.state) - open.indexOf(b.state) || a.title.localeCompare(b.title))
  return (
    <ul className="cards">
      {sorted.map((o) => (
        <li key={o.id} className="card-row">
          <h3><a href={formatRoute({ page: 'operations', id: o.id })}><bdi>{o.title || o.id}</bdi></a></h3>
          <p className="card-head">
            <span className={`state tone-${tones[o.state] ?? 'off'}`}>{term('op-state', o.state)}</span>
            {o.exercise && <strong>{say('op.exercise')}</strong>}
            <span className="quiet">{say('op.counts', { tasks: (o.tasks ?? []).filter((t) => t.fields?.state !== 'done' && t.fields?.state !== 'dropped').length, decisions: (o.decisions ?? []).filter((d) => !d.taken).length })}</span>
            {o.conflicts > 0 && <span className="over"><Icon name="warn" size={16} /> {say('op.conflicts', { n: o.conflicts })}</span>}
          </p>
        </li>
      ))}
    </ul>
  )
}
