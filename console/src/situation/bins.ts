// Days gathered into the bars of the timeline, apart from its drawing.
import type { Columns } from './columns'

export type Bins = {
  /** The first day of the first bar, and how many days a bar has. */
  first: number
  width: number
  /** Incidents a bar: with the whole filter, and without its days. */
  counts: Uint32Array
  around: Uint32Array
}

const widths = [1, 7, 28, 91, 364]

/** binsOf gathers days between the first and the last that are held, in at most `most`
 * bars. Weeks begin on Monday. */
export function binsOf(columns: Columns, rows: Uint32Array, anytime: Uint32Array, most: number): Bins {
  const { day, n } = columns
  if (!n) return { first: 0, width: 7, counts: new Uint32Array(), around: new Uint32Array() }
  let [low, high] = [day[0]!, day[0]!]
  for (let i = 1; i < n; i++) {
    if (day[i]! < low) low = day[i]!
    if (day[i]! > high) high = day[i]!
  }
  const width = widths.find((w) => (high - low + 1) / w <= most - 1) ?? widths.at(-1)!
  const first = width === 1 ? low : low - ((((low + 3) % 7) + 7) % 7) // day 0 was a Thursday
  const bars = Math.floor((high - first) / width) + 1
  const tally = (of: Uint32Array) => {
    const out = new Uint32Array(bars)
    for (let k = 0; k < of.length; k++) out[((day[of[k]!]! - first) / width) | 0]!++
    return out
  }
  return { first, width, counts: tally(rows), around: tally(anytime) }
}

/** barsBetween are the first and last bar of an interval of days, cut to what is shown. */
export function barsBetween(bins: Bins, from: number | null, to: number | null): [number, number] {
  const last = bins.counts.length - 1
  const at = (day: number) => Math.floor((day - bins.first) / bins.width)
  return [from === null ? 0 : Math.max(0, Math.min(last, at(from))), to === null ? last : Math.max(0, Math.min(last, at(to)))]
}

/** daysOf a stretch of bars, both included. */
export const daysOf = (bins: Bins, a: number, b: number): [number, number] => [
  bins.first + Math.min(a, b) * bins.width,
  bins.first + (Math.max(a, b) + 1) * bins.width - 1,
]
