import { useMemo } from 'react'
import type { Incident } from '../api/types'
import MapView from './MapView'
import { project } from './points'

/** ReportMap draws reports as the API lists them. It brings the projection with it, so
 * that a page which loads it late does not wait for that. */
export default function ReportMap(props: { incidents: Incident[]; area: string; chosen: string }) {
  const { incidents, area, chosen } = props
  const placed = useMemo(() => project(incidents), [incidents])
  const at = useMemo(() => placed.x.findIndex((_, i) => placed.id(i) === chosen), [placed, chosen])
  return <MapView placed={placed} unplaced={incidents.length - placed.x.length} area={area} chosen={at} />
}
