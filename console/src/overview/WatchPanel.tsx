import { useIntl } from 'react-intl'
import type { Watch, WatchArea } from '../api/types'
import { useSay } from '../i18n'
import { Day, Empty } from '../parts'
import { Icon } from '../parts/Icon'
import { amend } from '../route'
import { useAreaName } from './area'
import { Spark } from './Spark'

// Fewer past lulls than this say nothing; the node's own text keeps to the same.
const fewest = 10

/** WatchPanel: for each area how probable an attack is in the weeks to come,
 * with what is not known about that number beside it. */
export function WatchPanel(props: { watch: Watch; area: string; name?: (unit: string) => string }) {
  const say = useSay()
  const areaName = useAreaName()
  const { watch } = props
  const areas = [...(watch.areas ?? [])].sort((a, b) => (b.p ?? -1) - (a.p ?? -1))
  if (!areas.length) return <Empty title={say('no-data')}>{say('no-data-note')}</Empty>
  return (
    <>
      <ul className="watch">
        {areas.map((area) => (
          <li key={area.area}>
            <Card of={area} name={(props.name ?? areaName)(area.area)} horizon={watch.horizon} chosen={area.area === props.area} />
          </li>
        ))}
      </ul>
      <p className="panel-foot">
        {say('watch.how')} <bdi>{watch.model}</bdi>
      </p>
    </>
  )
}

function Card(props: { of: WatchArea; name: string; horizon: number; chosen: boolean }) {
  const say = useSay()
  const { formatNumber, locale } = useIntl()
  const { of: area, horizon } = props
  const percent = (p: number) => percentage(p, (n) => formatNumber(n, { style: 'percent' }))
  const known = area.p !== null && area.p !== undefined
  const quiet = area.quiet_weeks > 0
  return (
    <article className={props.chosen ? 'card card-chosen' : 'card'}>
      <header className="card-head">
        <h3>
          <button
            type="button"
            className="card-name"
            aria-pressed={props.chosen}
            onClick={() => amend({ area: props.chosen ? '' : area.area })}
          >
            <bdi>{props.name}</bdi>
          </button>
        </h3>
        <Spark counts={area.counts.slice(-52)} />
      </header>
      {known ? (
        <div className="odds">
          <p className="odds-p">
            <bdi>{percent(area.p!)}</bdi>
          </p>
          <Scale of={area} />
          <p className="odds-words">
            {area.mean !== null && (
              <span>{say('watch.mean', { n: formatNumber(area.mean, { maximumFractionDigits: 1 }) })}</span>
            )}
            {area.low !== null && area.high !== null && (
              <span>{say('watch.interval', { low: area.low, high: area.high })}</span>
            )}
            <span>
              {hasBase(area) ? say('watch.base', { p: percent(area.base_rate) }) : say('watch.no-base')}
            </span>
          </p>
        </div>
      ) : (
        <p className="nodata">
          <strong>{say('no-data')}</strong> {say('no-data-note')}
        </p>
      )}
      <p className="card-last">
        {area.last_attack ? (
          <>
            {say('watch.last')} <Day at={area.last_attack} solar />
          </>
        ) : (
          say('watch.no-last')
        )}
        {quiet && <> · {say('watch.quiet', { n: area.quiet_weeks })}</>}
      </p>
      {!!area.signals && (
        <p className="card-last">{say('watch.signals', { n: area.signals, p: percent(area.plain ?? area.p ?? 0) })}</p>
      )}
      {(area.unreported ?? 0) >= 0.5 && (
        <p className="card-last">{say('watch.unreported', { n: Math.round(area.unreported!) })}</p>
      )}
      {area.without?.map((one) => (
        <p className="card-last" key={one.party}>{say('watch.without', { party: one.party, p: percent(one.p) })}</p>
      ))}
      {area.named_by && Object.keys(area.named_by).length > 0 && (
        <p className="card-last">
          {say('watch.named-by')}{' '}
          <bdi>{Object.entries(area.named_by).map(([by, n]) => `${by} (${formatNumber(n)})`).join(', ')}</bdi>
        </p>
      )}
      {area.lull && (
        <p className="lull">
          <Icon name="lull" />
          <span>
            {locale === 'en' && area.lull.text ? (
              <bdi>{area.lull.text}</bdi>
            ) : area.lull.n >= fewest ? (
              say('lull.text', {
                weeks: area.lull.at_least_weeks,
                n: area.lull.n,
                horizon,
                observed: percent(area.lull.observed),
                forecast: percent(area.lull.forecast),
              })
            ) : (
              say('lull.few', { n: area.lull.n })
            )}{' '}
            {!(locale === 'en' && area.lull.text) && <strong>{say('lull.title')}</strong>}
          </span>
        </p>
      )}
    </article>
  )
}

/** percentage never claims certainty: it stops short of 0 and of 100 %. */
export function percentage(p: number, format: (share: number) => string): string {
  const said = p > 0.99 ? `>${format(0.99)}` : p < 0.01 ? `<${format(0.01)}` : format(Math.round(p * 100) / 100)
  return `\u2066${said}\u2069`
}

/** hasBase: the node writes -1 where there is no earlier span to count. */
const hasBase = (area: WatchArea): area is WatchArea & { base_rate: number } =>
  area.base_rate !== null && area.base_rate >= 0

/** Scale draws 0 to 100 %: the probability as a bar, the base rate as a tick.
 * The words beside it say the same. */
function Scale(props: { of: WatchArea }) {
  const { of: area } = props
  const { p } = area
  const at = (share: number) => 100 * Math.min(1, Math.max(0, share))
  return (
    <svg className="scale" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      <rect className="scale-track" x="0" y="4" width="100" height="6" />
      {p !== null && <rect className="scale-p" x="0" y="4" width={at(p)} height="6" />}
      {[25, 50, 75].map((x) => (
        <line key={x} className="scale-grid" x1={x} x2={x} y1="4" y2="10" />
      ))}
      {hasBase(area) && (
        <line className="scale-base" x1={at(area.base_rate)} x2={at(area.base_rate)} y1="0" y2="14" />
      )}
    </svg>
  )
}
