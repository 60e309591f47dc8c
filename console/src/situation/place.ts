// Puts columns on the map: the same arithmetic as map/view.ts, over whole arrays.
import type { Placed } from '../map/points'
import { unitsOf } from '../map/view'
import type { Columns } from './columns'

const radian = Math.PI / 180

/** All incidents in the projection's units; NaN where one has no place. */
export type Ground = { x: Float64Array; y: Float64Array; radius: Float64Array }

export function groundOf(columns: Columns): Ground {
  const { n, lat, lon, radius } = columns
  const out = { x: new Float64Array(n), y: new Float64Array(n), radius: new Float64Array(n) }
  for (let i = 0; i < n; i++) {
    // Spherical Mercator, a thousand units to the earth's radius.
    out.x[i] = 1000 * lon[i]! * radian
    out.y[i] = -1000 * Math.log(Math.tan(Math.PI / 4 + (lat[i]! * radian) / 2))
    out.radius[i] = radius[i] ? unitsOf(radius[i]!, lat[i]!) : 0
  }
  return out
}

export type Shown = Placed & { rival: Uint8Array; /** Their places in the columns. */ rows: Uint32Array }

/** placedOf takes those out of the ground that a filter lets pass. */
export function placedOf(columns: Columns, ground: Ground, rows: Uint32Array): Shown {
  const placed = rows.filter((i) => ground.x[i]! === ground.x[i]!)
  const take = (from: Float64Array) => Float64Array.from(placed, (i) => from[i]!)
  return {
    rows: placed,
    x: take(ground.x),
    y: take(ground.y),
    radius: take(ground.radius),
    rival: Uint8Array.from(placed, (i) => columns.rival[i]!),
    id: (i) => columns.id(placed[i]!),
  }
}
