// The points of a map in the projection's units, as arrays of numbers.
import type { Incident } from '../api/types'
import { base, unitsOf } from './view'

export type Points = {
  /** Positions in the projection's own units, before zoom. */
  x: Float64Array
  y: Float64Array
}

export type Placed = Points & {
  /** How far the true place may be, in the projection's units. */
  radius: Float64Array
  /** 1 where reports or claims name different ones as responsible. */
  rival?: Uint8Array
  id: (i: number) => string
}

/** placedAt draws places as the map draws reports: points and their radius. */
export function placedAt(places: readonly { lat: number; lon: number; radius_km?: number }[], id = (i: number) => `place-${i}`): Placed {
  const placed = { id, x: new Float64Array(places.length), y: new Float64Array(places.length), radius: new Float64Array(places.length) }
  places.forEach((one, i) => {
    const [x, y] = base([one.lon, one.lat])!
    placed.x[i] = x
    placed.y[i] = y
    placed.radius[i] = unitsOf(one.radius_km || 0, one.lat)
  })
  return placed
}

/** project places every report that has a position. */
export function project(incidents: Incident[]): Placed {
  const known = incidents.filter((i): i is Incident & { lat: number; lon: number } => i.lat !== null && i.lon !== null)
  return placedAt(known, (i) => known[i]!.id)
}
