// Gathering points so that thousands stay readable, apart from their drawing.

import type { Points } from './points'

export type Cluster = { x: number; y: number; count: number; members: number[]; stacked: boolean }

/** Within is a rectangle in the projection's units. */
export type Within = { w: number; n: number; e: number; s: number }

/** cluster gathers the points within a rectangle that stand within `reach` pixels of
 * each other at zoom `k`: first by a grid, then by joining neighbours whose circles
 * would overlap. `stacked` means that all members stand on the same spot, so that no
 * zoom can part them. Positions come back in the projection's units. */
export function cluster(points: Points, k: number, reach: number, within?: Within): Cluster[] {
  const cells = new Map<number, number[]>()
  const { w, n, e, s } = within ?? { w: -Infinity, n: -Infinity, e: Infinity, s: Infinity }
  const { x, y } = points
  for (let i = 0; i < x.length; i++) {
    if (x[i]! < w || x[i]! > e || y[i]! < n || y[i]! > s) continue
    // Cells of the whole earth at the nearest zoom fit into 26 bits each way.
    const key = Math.floor((x[i]! * k) / reach) * 0x4000000 + Math.floor((y[i]! * k) / reach)
    const cell = cells.get(key)
    if (cell) cell.push(i)
    else cells.set(key, [i])
  }
  const found = [...cells.values()].map((members) => gather(points, members))
  found.sort((a, b) => b.count - a.count)
  // Joining moves circles and makes them grow, so once more for those now too close.
  return join(points, join(points, found, k), k)
}

/** around is the rectangle that a view shows with as much again on each side. It moves
 * in steps of half of what is shown, so that a small move gathers nothing anew. */
export function around(view: { k: number; x: number; y: number }, size: { width: number; height: number }): Within {
  const [width, height] = [size.width / view.k, size.height / view.k]
  const west = Math.floor((-view.x / view.k) / (width / 2)) * (width / 2)
  const north = Math.floor((-view.y / view.k) / (height / 2)) * (height / 2)
  return { w: west - width, n: north - height, e: west + 2.5 * width, s: north + 2.5 * height }
}

function gather(points: Points, members: number[]): Cluster {
  let x = 0
  let y = 0
  let stacked = true
  const first = members[0]!
  for (const i of members) {
    x += points.x[i]!
    y += points.y[i]!
    stacked &&= points.x[i] === points.x[first] && points.y[i] === points.y[first]
  }
  return { x: x / members.length, y: y / members.length, count: members.length, members, stacked }
}

function join(points: Points, sorted: Cluster[], k: number): Cluster[] {
  const kept: Cluster[] = []
  for (const one of sorted) {
    const host = kept.find(
      (c) => Math.hypot(c.x - one.x, c.y - one.y) * k < 0.8 * (clusterRadius(c.count) + clusterRadius(one.count)),
    )
    if (host) Object.assign(host, gather(points, host.members.concat(one.members)))
    else kept.push(one)
  }
  return kept
}

/** clusterRadius in pixels: 4 for one report, then growing with the order of
 * magnitude, up to 26. */
export const clusterRadius = (count: number) => (count === 1 ? 4 : Math.min(26, 8 + 2.6 * Math.log2(count)))
