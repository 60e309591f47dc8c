import '../style/overview.css'
import '../style/watch.css'
import { useQuery } from '@tanstack/react-query'
import { watchOf } from '../api/queries'
import { useSay, useTerm } from '../i18n'
import { Asked, Choice, Day, Panel } from '../parts'
import { amend, useRoute } from '../route'
import { useAreaName } from '../overview/area'
import { WatchPanel } from '../overview/WatchPanel'
import { CoveragePanel } from './CoveragePanel'
import { FocusPanel } from './FocusPanel'
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
        <Choice
          label={say('watch.horizon')}
          value={horizon}
          options={horizons.map((h) => [h, say('watch.weeks', { n: Number(h) })])}
          onChange={(value) => amend({ horizon: value === '4' ? '' : value })}
        />
        <Choice
          label={say('watch.by')}
          value={by}
          options={divisions.map((d) => [d, term('division', d)])}
          onChange={(value) => amend({ by: value === 'area' ? '' : value, area: '' })}
        />
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
            <FocusPanel areas={by === 'area' ? (data.areas ?? []).map((a) => a.area) : []} />
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
