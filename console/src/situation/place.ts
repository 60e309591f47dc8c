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
  const placed = new Uint32Array(rows.length)
  const [x, y, radius] = [new Float64Array(rows.length), new Float64Array(rows.length), new Float64Array(rows.length)]
  const rival = new Uint8Array(rows.length)
  let n = 0
  // One plain loop: `from` and `filter` take ten times as long.
  for (let k = 0; k < rows.length; k++) {
    const i = rows[k]!
    if (ground.x[i]! !== ground.x[i]!) continue
    placed[n] = i
    x[n] = ground.x[i]!
    y[n] = ground.y[i]!
    radius[n] = ground.radius[i]!
    rival[n] = columns.rival[i]!
    n++
  }
  const own = placed.subarray(0, n)
  return { rows: own, x: x.subarray(0, n), y: y.subarray(0, n), radius: radius.subarray(0, n), rival: rival.subarray(0, n), id: (i) => columns.id(own[i]!) }
}
