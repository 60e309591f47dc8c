import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { coverage } from '../api/queries'
import type { Coverage, PlanChoice } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Digest, Empty, Fold, Moment, Panel, ProblemNote } from '../parts'
import { Toggle } from '../overview/Toggle'
import { useAreaName } from '../overview/area'
import { useRoute } from '../route'
import { useShare } from './share'

/** CoveragePanel: how to spread limited units so that nothing is left bare and
 * nothing is predictable; the price of each choice stands beside it. */
export function CoveragePanel() {
  const say = useSay()
  const asked = useQuery(coverage)
  return (
    <Panel id="coverage" title={say('coverage.title')} tools={<Toggle name="coverage" label={say('coverage.title')} />}>
      <Make />
      <Asked of={asked}>
        {(data) =>
          data.plans.length ? <Plan of={data.plans[0]!} /> : <Empty title={say('coverage.none')}>{say('coverage.none-note')}</Empty>
        }
      </Asked>
    </Panel>
  )
}

const policies = ['proportional', 'origami', 'uniform'] as const
const floors = ['0', '0.1', '0.2', '0.4'] as const

function Make() {
  const say = useSay()
  const term = useTerm()
  const share = useShare()
  const queries = useQueryClient()
  const [units, setUnits] = useState('2')
  const [policy, setPolicy] = useState<string>('proportional')
  const [floor, setFloor] = useState<string>('0.2')
  const make = useMutation({
    mutationFn: () => call<Coverage>('POST', '/watch/coverage', { body: { units: Number(units), policy, floor: Number(floor) } }),
    onSuccess: () => queries.invalidateQueries(),
  })
  const ready = /^[1-9]\d{0,4}$/.test(units)
  return (
    <>
      <div className="filter" role="group" aria-label={say('coverage.make')}>
        <label className="choice">
          <span className="label">{say('coverage.units')}</span>
          <input type="number" min="1" max="99999" value={units} onChange={(event) => setUnits(event.target.value)} />
        </label>
        <Choice
          label={say('coverage.policy')}
          value={policy}
          options={policies.map((p) => [p, term('policy', p)])}
          onChange={setPolicy}
        />
        <Choice
          label={say('coverage.floor')}
          value={floor}
          options={floors.map((f) => [f, share(Number(f))])}
          onChange={setFloor}
        />
        <Act kind="main" isDisabled={!ready || make.isPending} onPress={() => make.mutate()}>
          {make.isPending ? say('working') : say('coverage.act')}
        </Act>
      </div>
      {make.error != null && <ProblemNote error={make.error} />}
    </>
  )
}

function Plan(props: { of: Coverage }) {
  const say = useSay()
  const term = useTerm()
  const share = useShare()
  const areaName = useAreaName()
  const { query } = useRoute()
  const { of: plan } = props
  const order = plan.plan.cells.map((_, i) => i).sort((a, b) => plan.plan.cover[b]! - plan.plan.cover[a]!)
  return (
    <div className="coverage">
      <section>
        <h3>{say('coverage.newest', { policy: term('policy', plan.plan.policy), units: plan.plan.units, floor: share(plan.plan.floor) })}</h3>
        <p className="quiet"><Moment at={plan.at} /></p>
        <p>{say('coverage.outcome', { met: share(plan.outcome.met), bare: share(plan.outcome.bare), worst: share(plan.outcome.worst) })}</p>
        <div className="table-box" tabIndex={0} role="region" aria-label={say('coverage.cells')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{say('filter.area')}</th>
                <th scope="col" className="number">{say('coverage.risk')}</th>
                <th scope="col" className="number">{say('coverage.cover')}</th>
              </tr>
            </thead>
            <tbody>
              {order.map((i) => (
                <tr key={plan.plan.cells[i]}>
                  <th scope="row"><bdi>{areaName(plan.plan.cells[i]!)}</bdi></th>
                  <td className="number">{plan.plan.risk[i]!.toFixed(2)}</td>
                  <td className="number">{share(plan.plan.cover[i]!)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <section>
        <h3>{say('coverage.trade-off')}</h3>
        {query['coverage-as'] === 'table' ? <Choices of={plan.trade_off} /> : <Curve of={plan.trade_off} chosen={plan} />}
        <p className="quiet">{say('coverage.met-note')}</p>
        <dl className="facts">
          <div>
            <dt>{say('coverage.commitment')}</dt>
            <dd><Digest value={plan.commitment} keep={16} /></dd>
          </div>
          <div>
            <dt>{say('coverage.seed')}</dt>
            <dd>{plan.seed ? <Digest value={plan.seed} keep={16} /> : <>{say('coverage.seed-later')} <Moment at={plan.ends} /></>}</dd>
          </div>
        </dl>
        <Fold title={say('coverage.schedule', { n: plan.schedule.length })}>
          <ol className="schedule">
            {plan.schedule.map((cells, i) => (
              <li key={i}><bdi>{cells.map((c) => areaName(plan.plan.cells[c] ?? '')).join(', ')}</bdi></li>
            ))}
          </ol>
        </Fold>
      </section>
    </div>
  )
}

function Choices(props: { of: PlanChoice[] }) {
  const say = useSay()
  const term = useTerm()
  const share = useShare()
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={say('coverage.trade-off')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('coverage.policy')}</th>
            <th scope="col" className="number">{say('coverage.floor')}</th>
            <th scope="col" className="number">{say('coverage.met')}</th>
            <th scope="col" className="number">{say('coverage.bare')}</th>
            <th scope="col" className="number">{say('coverage.worst')}</th>
          </tr>
        </thead>
        <tbody>
          {props.of.map((one) => (
            <tr key={one.policy + one.floor}>
              <th scope="row">{term('policy', one.policy)}</th>
              <td className="number">{share(one.floor)}</td>
              <td className="number">{share(one.outcome.met)}</td>
              <td className="number">{share(one.outcome.bare)}</td>
              <td className="number">{share(one.outcome.worst)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const dots = { proportional: 'plot-dot', origami: 'plot-dot-2', uniform: 'plot-dot-3' } as Record<string, string>

/** Curve: what is met against the past pattern, and the worst place for one who
 * sees the plan. Each dot is one choice; the table names them. */
function Curve(props: { of: PlanChoice[]; chosen: Coverage }) {
  const say = useSay()
  const term = useTerm()
  const policy = [...new Set(props.of.map((c) => c.policy))]
  const most = Math.max(0.05, ...props.of.map((c) => c.outcome.worst))
  const x = (met: number) => 34 + 200 * met
  const y = (worst: number) => 10 + (200 * worst) / most
  return (
    <figure className="plot">
      <svg viewBox="0 0 244 240" role="img" aria-label={say('coverage.curve', { n: props.of.length })} direction="ltr">
        {[0, 0.25, 0.5, 0.75, 1].map((p) => (
          <g key={p}>
            <line className="plot-grid" x1={x(p)} x2={x(p)} y1="10" y2="210" />
            <line className="plot-grid" x1={x(0)} x2={x(1)} y1={y(p * most)} y2={y(p * most)} />
            <text className="plot-tick" x={x(p)} y="224" textAnchor="middle">{100 * p}</text>
            <text className="plot-tick" x="30" y={y(p * most) + 3} textAnchor="end">{Math.round(100 * p * most)}</text>
          </g>
        ))}
        {policy.map((name) => {
          const line = props.of.filter((c) => c.policy === name)
          return (
            <g key={name}>
              <polyline
                className={`plot-path ${dots[name] ?? 'plot-dot'}`}
                points={line.map((c) => `${x(c.outcome.met)},${y(c.outcome.worst)}`).join(' ')}
              />
              {line.map((c) => (
                <circle
                  key={c.floor}
                  className={dots[name] ?? 'plot-dot'}
                  cx={x(c.outcome.met)}
                  cy={y(c.outcome.worst)}
                  r={props.chosen.plan.policy === c.policy && props.chosen.plan.floor === c.floor ? 6 : 3}
                />
              ))}
            </g>
          )
        })}
      </svg>
      <figcaption>
        {say('coverage.axes')}
        <ul className="legend">
          {policy.map((name) => (
            <li key={name}>
              <svg className="key" viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
                <circle className={dots[name] ?? 'plot-dot'} cx="5" cy="5" r="4" />
              </svg>
              {term('policy', name)}
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  )
}
