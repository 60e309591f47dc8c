// Gathering points so that thousands stay readable, apart from their drawing.

export type Points = {
  /** Positions in the projection's own units, before zoom. */
  x: Float64Array
  y: Float64Array
}

export type Cluster = { x: number; y: number; count: number; members: number[]; stacked: boolean }

/** cluster gathers the points that stand within `reach` pixels of each other at
 * zoom `k`: first by a grid, then by joining neighbours whose circles would
 * overlap. `stacked` means that all members stand on the same spot, so that no
 * zoom can part them. Positions come back in the projection's units. */
export function cluster(points: Points, k: number, reach: number): Cluster[] {
  const cells = new Map<string, number[]>()
  for (let i = 0; i < points.x.length; i++) {
    const key = `${Math.floor((points.x[i]! * k) / reach)},${Math.floor((points.y[i]! * k) / reach)}`
    const cell = cells.get(key)
    if (cell) cell.push(i)
    else cells.set(key, [i])
  }
  const found = [...cells.values()].map((members) => gather(points, members))
  found.sort((a, b) => b.count - a.count)
  // Joining moves circles and makes them grow, so once more for those now too close.
  return join(points, join(points, found, k), k)
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
