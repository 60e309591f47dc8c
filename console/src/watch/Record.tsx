import { useRoute } from '../route'
import type { Scored } from '../api/types'
import { useSay } from '../i18n'
import { Empty, Panel } from '../parts'
import { Toggle } from '../overview/Toggle'
import { useFigure, useShare } from './share'

/** Record: how these figures have scored so far, beside the two that they have to
 * beat, and whether what was said came as often as was said. */
export function Record(props: { of: Scored[]; horizon: number }) {
  const say = useSay()
  const figure = useFigure()
  const share = useShare()
  const { query } = useRoute()
  const [ours, ...others] = props.of
  const bins = ours?.reliability ?? []
  return (
    <Panel
      id="record"
      title={say('record.title')}
      note={ours ? say('record.n', { n: ours.n }) : undefined}
      tools={ours && <Toggle name="record" label={say('record.title')} />}
    >
      {!ours ? (
        <Empty title={say('record.none')}>{say('record.none-note')}</Empty>
      ) : (
        <>
          {query['record-as'] === 'table' ? (
            <div className="table-box" tabIndex={0} role="region" aria-label={say('record.bins')}>
              <table>
                <thead>
                  <tr>
                    <th scope="col" className="number">{say('record.said')}</th>
                    <th scope="col" className="number">{say('record.came')}</th>
                    <th scope="col" className="number">{say('record.cases')}</th>
                  </tr>
                </thead>
                <tbody>
                  {bins.map((bin) => (
                    <tr key={bin.forecast}>
                      <td className="number">{share(bin.forecast)}</td>
                      <td className="number">{share(bin.observed)}</td>
                      <td className="number">{bin.n}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ) : (
            <Plot bins={bins} />
          )}
          <div className="table-box" tabIndex={0} role="region" aria-label={say('record.models')}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{say('record.model')}</th>
                  <th scope="col" className="number">{say('record.brier')}</th>
                  <th scope="col" className="number">{say('record.crps')}</th>
                  <th scope="col" className="number">{say('record.covered')}</th>
                </tr>
              </thead>
              <tbody>
                {[ours, ...others].map((one) => (
                  <tr key={one.name}>
                    <th scope="row" dir="ltr">{one.name}</th>
                    <td className="number">{figure(one.brier, 3)}</td>
                    <td className="number">{figure(one.crps, 3)}</td>
                    <td className="number">{share(one.coverage90)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p className="panel-foot">
            {others.map((one) => (
              <span key={one.name}>
                {say('record.skill', { model: one.name, p: share(one.brier > 0 ? 1 - ours.brier / one.brier : 0) })}{' '}
              </span>
            ))}
            {say('record.how')}
          </p>
        </>
      )}
    </Panel>
  )
}

/** Plot: what was said across, what came upwards; on the line they agree. Time has
 * no part in it, so it runs the same way in every language. */
function Plot(props: { bins: { n: number; forecast: number; observed: number }[] }) {
  const say = useSay()
  const most = Math.max(1, ...props.bins.map((b) => b.n))
  const x = (p: number) => 34 + 200 * p
  const y = (p: number) => 210 - 200 * p
  return (
    <figure className="plot">
      <svg viewBox="0 0 244 240" role="img" aria-label={say('record.plot', { n: props.bins.length })} direction="ltr">
        {[0, 0.25, 0.5, 0.75, 1].map((p) => (
          <g key={p}>
            <line className="plot-grid" x1={x(p)} x2={x(p)} y1={y(0)} y2={y(1)} />
            <line className="plot-grid" x1={x(0)} x2={x(1)} y1={y(p)} y2={y(p)} />
            <text className="plot-tick" x={x(p)} y="224" textAnchor="middle">{100 * p}</text>
            <text className="plot-tick" x="30" y={y(p) + 3} textAnchor="end">{100 * p}</text>
          </g>
        ))}
        <line className="plot-line" x1={x(0)} x2={x(1)} y1={y(0)} y2={y(1)} />
        {props.bins.map((b) => (
          <circle key={b.forecast} className="plot-dot" cx={x(b.forecast)} cy={y(b.observed)} r={3 + 6 * Math.sqrt(b.n / most)} />
        ))}
      </svg>
      <figcaption>{say('record.axes')}</figcaption>
    </figure>
  )
}
