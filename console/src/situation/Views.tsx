import { lazy, Suspense, useCallback, useDeferredValue, useMemo, useRef, useState } from 'react'
import { useSay } from '../i18n'
import { Act, Loading, Panel } from '../parts'
import { amend, useRoute } from '../route'
import { ChosenReport } from './ChosenReport'
import { indexOf, type Columns } from './columns'
import { ExportLinks } from './ExportLinks'
import { readFilter, select, type Box, type Filter } from './filter'
import { FilterBar } from './FilterBar'
import { groundOf, placedOf } from './place'
import { usePlayback } from './playback'
import { ReportTable } from './ReportTable'
import type { Span } from './SituationPage'
import { Timeline } from './Timeline'

const MapView = lazy(() => import('../map/MapView'))

/** What one view points at, for the others to light up: days, or one report. */
export type Pointed = { from: number; to: number } | { row: number } | null

/** Views draws one selection as a map, a timeline and a table. */
export function Views(props: { columns: Columns; span: Span }) {
  const { columns, span } = props
  const say = useSay()
  const { query } = useRoute()
  const filter = useFilter(query)
  const playback = usePlayback(columns, filter)
  const shown = playback.filter
  const selected = useMemo(() => select(columns, shown), [columns, shown])
  const ground = useMemo(() => groundOf(columns), [columns])
  // The choice answers at once; the map, which gathers and draws all, follows.
  const drawn = useDeferredValue(selected.rows)
  const placed = useMemo(() => placedOf(columns, ground, drawn), [columns, ground, drawn])
  const chosen = useMemo(() => (query.incident ? indexOf(columns, query.incident) : -1), [columns, query.incident])
  const [pointed, point] = useState<Pointed>(null)
  const lit = useMemo(() => litOf(columns, placed.rows, pointed), [columns, placed.rows, pointed])
  // Where the map stands changes with every move, and only this button asks for it.
  const seen = useRef<Box | null>(null)
  const onView = useCallback((box: Box) => void (seen.current = box), [])
  const limit = () => amend({ box: filter.box || !seen.current ? '' : boxText(seen.current) })
  return (
    <>
      <FilterBar columns={columns} filter={filter} counts={selected.counts} n={selected.rows.length} span={span} />
      <div className="views">
        <div className="sit-side">
          <Panel id="sit-map" title={say('map.title')} tools={<Act icon="frame" onPress={limit}>{say(filter.box ? 'sit.unbox' : 'sit.box')}</Act>}>
            <Suspense fallback={<Loading />}>
              <MapView
                placed={placed}
                unplaced={drawn.length - placed.rows.length}
                area={filter.area}
                chosen={chosen < 0 ? -1 : placed.rows.indexOf(chosen)}
                lit={lit}
                onView={onView}
              />
            </Suspense>
          </Panel>
          {chosen >= 0 && <ChosenReport columns={columns} at={chosen} />}
        </div>
        <Panel id="sit-table" title={say('sit.reports')} note={say('filter.found', { n: selected.rows.length })} tools={<ExportLinks filter={shown} />}>
          <ReportTable columns={columns} rows={selected.rows} chosen={chosen} pointed={pointed} onPoint={point} />
        </Panel>
        <Timeline columns={columns} selected={selected} filter={filter} playback={playback} chosen={chosen} pointed={pointed} onPoint={point} />
      </div>
    </>
  )
}

const boxText = ([w, s, e, n]: Box) => [Math.max(-180, w), Math.max(-90, s), Math.min(180, e), Math.min(90, n)].map((x) => x.toFixed(3)).join(',')

/** useFilter reads the filter anew only when its part of the address changes. */
function useFilter(query: Readonly<Record<string, string>>): Filter {
  const { from, to, area, class: kind, group, party, marking, grading, box } = query
  return useMemo(
    () => readFilter(query),
    [from, to, area, kind, group, party, marking, grading, box],
  )
}

function litOf(columns: Columns, rows: Uint32Array, pointed: Pointed): Uint8Array | undefined {
  if (!pointed) return undefined
  const lit = new Uint8Array(rows.length)
  const [row, from, to] = 'row' in pointed ? [pointed.row, 0, 0] : [-1, pointed.from, pointed.to]
  for (let k = 0; k < rows.length; k++) {
    const i = rows[k]!
    lit[k] = row >= 0 ? Number(i === row) : Number(columns.day[i]! >= from && columns.day[i]! <= to)
  }
  return lit
}
