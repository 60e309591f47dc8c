import '../style/overview.css'
import '../style/watch.css'
import { useQuery } from '@tanstack/react-query'
import { watchOf } from '../api/queries'
import { useSay, useTerm } from '../i18n'
import { Asked, Day, Panel } from '../parts'
import { amend, useRoute } from '../route'
import { useAreaName } from '../overview/area'
import { WatchPanel } from '../overview/WatchPanel'
import { CoveragePanel } from './CoveragePanel'
import { OnsetPanel } from './OnsetPanel'
import { Record } from './Record'
import { SpreadPanel } from './SpreadPanel'

const horizons = ['1', '4', '13'] as const
const divisions = ['area', 'class', 'group'] as const

/** WatchPage: what the watch says, how it has scored, and what follows from it. */
export default function WatchPage() {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const { query } = useRoute()
  const horizon = horizons.find((h) => h === query.horizon) ?? '4'
  const by = divisions.find((d) => d === query.by) ?? 'area'
  const asked = useQuery(watchOf(Number(horizon), by))
  const name = { area: areaName, class: (c: string) => term('class', c), group: (g: string) => g }[by]
  return (
    <div className="page watch-page">
      <header className="page-head">
        <h1>{say('nav.watch')}</h1>
        <p className="holdings">{say('watch.lead')}</p>
      </header>
      <div className="filter" role="group" aria-label={say('watch.filter')}>
        <label className="choice">
          <span className="label">{say('watch.horizon')}</span>
          <select value={horizon} onChange={(event) => amend({ horizon: event.target.value === '4' ? '' : event.target.value })}>
            {horizons.map((h) => (
              <option key={h} value={h}>{say('watch.weeks', { n: Number(h) })}</option>
            ))}
          </select>
        </label>
        <label className="choice">
          <span className="label">{say('watch.by')}</span>
          <select value={by} onChange={(event) => amend({ by: event.target.value === 'area' ? '' : event.target.value, area: '' })}>
            <option value="area">{say('watch.by-area')}</option>
            <option value="class">{say('watch.by-class')}</option>
            <option value="group">{say('watch.by-group')}</option>
          </select>
        </label>
      </div>
      <Asked of={asked}>
        {(data) => (
          <>
            <div className="watch-grid">
              <Panel
                id="cards"
                title={say('watch.title', { n: data.horizon })}
                note={<>{say('as-of')} <Day at={data.as_of} solar /></>}
              >
                <WatchPanel watch={data} area={query.area ?? ''} name={name} />
              </Panel>
              <div className="watch-side">
                <Record of={data.record ?? []} horizon={data.horizon} />
                <OnsetPanel />
              </div>
            </div>
            <SpreadPanel />
            <CoveragePanel />
            {data.attribution && (
              <p className="attribution">
                {say('attribution')} <bdi>{data.attribution}</bdi>
              </p>
            )}
          </>
        )}
      </Asked>
    </div>
  )
}
