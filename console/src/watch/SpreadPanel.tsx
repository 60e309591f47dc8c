import { useQuery } from '@tanstack/react-query'
import { diversification } from '../api/queries'
import type { AttentionReading, Diversification, Spread } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Asked, Choice, Empty, Panel } from '../parts'
import { useAreaName } from '../overview/area'
import { amend, useRoute } from '../route'
import { useFigure, useShare } from './share'

const spans = ['13', '52', '104'] as const

/** SpreadPanel: over what attacks are spread, whether the mix changed, where the
 * next is likely, and whether attention has fixed on one place. */
export function SpreadPanel() {
  const say = useSay()
  const { query } = useRoute()
  const weeks = spans.find((w) => w === query.weeks) ?? '52'
  const asked = useQuery(diversification(Number(weeks)))
  return (
    <Panel
      id="spread"
      title={say('spread.title')}
      tools={
        <Choice
          label={say('filter.span')}
          value={weeks}
          options={spans.map((w) => [w, say('watch.weeks', { n: Number(w) })])}
          onChange={(value) => amend({ weeks: value === '52' ? '' : value })}
        />
      }
    >
      <Asked of={asked}>{(data) => <Readings of={data} />}</Asked>
    </Panel>
  )
}

function Readings(props: { of: Diversification }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const share = useShare()
  const { of: data } = props
  return (
    <div className="spread">
      <section aria-label={say('spread.classes')}>
        <h3>{say('spread.classes')}</h3>
        <Reading of={data.by_class} name={(c) => term('class', c)} />
      </section>
      <section aria-label={say('spread.areas')}>
        <h3>{say('spread.areas')}</h3>
        <Reading of={data.by_area} name={areaName} />
      </section>
      <section aria-label={say('spread.next')}>
        <h3>{say('spread.next')}</h3>
        {!data.next.length ? (
          <p className="quiet">{say('no-data')}</p>
        ) : (
          <ol className="shares">
            {data.next.slice(0, 6).map((cell) => (
              <li key={cell.class + cell.area}>
                <span><bdi>{term('class', cell.class)}</bdi> · <bdi>{areaName(cell.area)}</bdi></span>
                <Bar share={cell.p} />
                <span className="number">{share(cell.p)}</span>
              </li>
            ))}
          </ol>
        )}
      </section>
      <section aria-label={say('attention.title')}>
        <h3>{say('attention.title')}</h3>
        {data.attention ? <Attention of={data.attention} /> : <Empty title={say('attention.none')}>{say('attention.none-note')}</Empty>}
      </section>
    </div>
  )
}

function Reading(props: { of: Spread; name: (kind: string) => string }) {
  const say = useSay()
  const share = useShare()
  const figure = useFigure()
  const { diversity, drift, turn, kinds, counts, refused } = props.of
  const all = counts.reduce((a, b) => a + b, 0)
  const top = kinds
    .map((kind, i) => ({ kind, n: counts[i] ?? 0 }))
    .filter((k) => k.n > 0)
    .sort((a, b) => b.n - a.n)
  return (
    <>
      {diversity && (
        <p>
          {say('spread.as-many', {
            n: diversity.n, kinds: diversity.kinds, equal: figure(diversity.shannon.value, 1),
            low: figure(diversity.shannon.low, 1), high: figure(diversity.shannon.high, 1),
          })}
        </p>
      )}
      {drift && (
        <p>
          {drift.changed && <span className="state tone-warn">{say('spread.changed')}</span>}{' '}
          {say(drift.changed ? 'spread.drift' : 'spread.same', { p: figure(drift.p, 3) })}
        </p>
      )}
      {turn && <p className="quiet">{say(turn.p < 0.01 ? 'spread.turn' : 'spread.no-turn', { p: figure(turn.p, 3) })}</p>}
      {refused?.map((why) => <p className="quiet" key={why} dir="auto">{why}</p>)}
      {top.length > 0 && (
        <ol className="shares">
          {top.slice(0, 6).map(({ kind, n }) => (
            <li key={kind}>
              <bdi>{props.name(kind)}</bdi>
              <Bar share={n / all} />
              <span className="number">{share(n / all)}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  )
}

/** Bar draws a share; the number stands beside it. */
function Bar(props: { share: number }) {
  return (
    <svg className="scale" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      <rect className="scale-track" x="0" y="4" width="100" height="6" />
      <rect className="scale-p" x="0" y="4" width={100 * Math.min(1, Math.max(0, props.share))} height="6" />
    </svg>
  )
}

function Attention(props: { of: AttentionReading & { by_class?: AttentionReading } }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const share = useShare()
  const { of: a } = props
  const areas = Object.keys(a.looked).sort((x, y) => (a.risk[y] ?? 0) - (a.risk[x] ?? 0)).slice(0, 8)
  return (
    <>
      <p>{say('attention.fixation', { p: share(a.fixation) })}</p>
      <p>{say('attention.gap', { p: share(a.gap) })}</p>
      {a.widest.length > 0 && (
        <p>{say('attention.widest')} <bdi>{a.widest.map(areaName).join(', ')}</bdi></p>
      )}
      {a.by_class && <p>{say('attention.by-class', { p: share(a.by_class.fixation), gap: share(a.by_class.gap) })}</p>}
      <div className="table-box" tabIndex={0} role="region" aria-label={say('attention.table')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{say('filter.area')}</th>
              <th scope="col" className="number">{say('attention.looked')}</th>
              <th scope="col" className="number">{say('attention.last')}</th>
              <th scope="col" className="number">{say('attention.risk')}</th>
            </tr>
          </thead>
          <tbody>
            {areas.map((area) => (
              <tr key={area}>
                <th scope="row"><bdi>{areaName(area)}</bdi></th>
                <td className="number">{share(a.looked[area] ?? 0)}</td>
                <td className="number">{share(a.last[area] ?? 0)}</td>
                <td className="number">{share(a.risk[area] ?? 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul className="sources">
        {a.sources.map((s) => (
          <li key={s.source}>
            {say('attention.source', { source: term('attention-source', s.source), n: s.n, p: share(s.fixation), gap: share(s.gap) })}
          </li>
        ))}
      </ul>
      <p className="quiet">{say('attention.nobody')}</p>
    </>
  )
}
