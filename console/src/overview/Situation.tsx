import { lazy, Suspense, useMemo } from 'react'
import { useQuery } from '@tanstack/react-query'
import { incidents, watch } from '../api/queries'
import type { Incident, Watch } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Asked, Choice, Day, Empty, Loading, Panel, ProblemNote } from '../parts'
import { amend, useRoute } from '../route'
import { useAreaName } from './area'
import { IncidentTable } from './IncidentTable'
import { Toggle } from './Toggle'
import { WatchPanel } from './WatchPanel'
import { WeekChart } from './WeekChart'
import { WeekTable } from './WeekTable'

const ReportMap = lazy(() => import('../map/ReportMap'))

const spans = ['13w', '52w', '104w', 'all'] as const

/** Situation: one filter, and the watch, the map and the weeks as views of it. */
export default function Situation() {
  const say = useSay()
  const asked = useQuery(watch)
  return (
    <section className="situation" aria-label={say('situation.title')}>
      <Asked of={asked}>{(data) => <Views watch={data} />}</Asked>
    </section>
  )
}

function Views(props: { watch: Watch }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const { query } = useRoute()
  const { watch } = props
  const weeks = watch.weeks ?? []
  const areas = watch.areas ?? []
  const area = query.area ?? ''
  const kind = query.class ?? ''
  const span = spans.find((s) => s === query.span) ?? '104w'

  const period = useMemo(() => periodOf(span, weeks, watch.as_of), [span, weeks, watch.as_of])
  const asked = useQuery(incidents(period))
  const found = asked.data?.incidents
  const shown = useMemo(
    () => (found ?? []).filter((i) => (!area || i.area === area) && (!kind || i.class === kind)),
    [found, area, kind],
  )
  const classes = useMemo(() => [...new Set((found ?? []).map((i) => i.class))].filter(Boolean).sort(), [found])
  const series = areas.find((a) => a.area === area)

  return (
    <>
      <div className="filter" role="group" aria-label={say('filter.title')}>
        <Choice
          label={say('filter.area')}
          value={area}
          options={[['', say('filter.all-areas')], ...areas.map((a) => [a.area, areaName(a.area)] as const)]}
          onChange={(value) => amend({ area: value })}
        />
        <Choice
          label={say('filter.class')}
          value={kind}
          options={[['', say('filter.all-classes')], ...classes.map((c) => [c, term('class', c)] as const)]}
          onChange={(value) => amend({ class: value })}
        />
        <Choice
          label={say('filter.span')}
          value={span}
          options={spans.map((s) => [s, say(`span.${s}`)])}
          onChange={(value) => amend({ span: value === '104w' ? '' : value })}
        />
        <p className="filter-note" role="status">
          {asked.data && say('filter.found', { n: shown.length })}
        </p>
      </div>
      <div className="situation-grid">
        <Panel
          id="map"
          title={say('map.title')}
          className="map-panel"
          tools={<Toggle name="map" label={say('map.title')} />}
        >
          {asked.error && <ProblemNote error={asked.error} again={() => void asked.refetch()} />}
          {asked.data ? (
            query['map-as'] === 'table' ? (
              <IncidentTable incidents={shown} />
            ) : (
              <Suspense fallback={<Loading />}>
                <ReportMap incidents={shown} area={area} chosen={query.incident ?? ''} />
                <Chosen incidents={shown} id={query.incident ?? ''} />
              </Suspense>
            )
          ) : (
            !asked.error && <Loading />
          )}
        </Panel>
        <Panel
          id="watch"
          title={say('watch.title', { n: watch.horizon })}
          className="watch-panel"
          note={
            <>
              {say('as-of')} <Day at={watch.as_of} solar />
            </>
          }
        >
          <WatchPanel watch={watch} area={area} />
        </Panel>
        <Panel
          id="weeks"
          title={say('weeks.title', { n: weeks.length })}
          className="weeks-panel"
          note={area ? areaName(area) : say('filter.all-areas')}
          tools={<Toggle name="weeks" label={say('weeks.title', { n: weeks.length })} />}
        >
          {!weeks.length ? (
            <Empty title={say('no-data')}>{say('no-data-note')}</Empty>
          ) : query['weeks-as'] === 'table' ? (
            <WeekTable weeks={weeks} counts={series?.counts ?? watch.all.counts} />
          ) : (
            <WeekChart weeks={weeks} counts={series?.counts ?? watch.all.counts} />
          )}
        </Panel>
      </div>
      {watch.attribution && (
        <p className="attribution">
          {say('attribution')} <bdi>{watch.attribution}</bdi>
        </p>
      )}
    </>
  )
}

/** periodOf turns a span into dates that the API takes; the end is open, so
 * that what is newer than the watch still shows. */
export function periodOf(span: string, weeks: string[], asOf: string): { from: string; to: string } {
  if (span === 'all') return { from: '', to: '' }
  const count = Number.parseInt(span, 10)
  const from = weeks[Math.max(0, weeks.length - count)] ?? asOf
  return { from: from.slice(0, 10), to: '' }
}

/** The report chosen on the map, and what else is known at that spot. */
function Chosen(props: { incidents: Incident[]; id: string }) {
  const say = useSay()
  const one = props.incidents.find((i) => i.id === props.id)
  if (!one) return null
  const here = props.incidents.filter((i) => i.lat === one.lat && i.lon === one.lon)
  return (
    <div className="chosen" role="region" aria-label={say('map.chosen')}>
      <div className="chosen-head">
        <h3>
          <bdi>{one.place || one.area}</bdi>
        </h3>
        <p className="quiet">{say('map.here', { n: here.length })}</p>
        <button type="button" className="act act-plain" onClick={() => amend({ incident: '' })}>
          {say('close')}
        </button>
      </div>
      <IncidentTable incidents={here} compact />
    </div>
  )
}
