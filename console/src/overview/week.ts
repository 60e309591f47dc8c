// Geometry of the weekly chart, apart from its drawing.
import { instant } from '../parts/time'

export type Frame = { width: number; height: number; start: number; end: number; head: number; foot: number }
export type Tick = { at: number; value: number }

/** yTicks gives round whole numbers from 0 to at least the highest count. */
export function yTicks(most: number): number[] {
  const top = Math.max(1, most)
  const rough = top / 4
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)))
  const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? 10 * power)
  const ticks = []
  for (let v = 0; v < top + step; v += step) ticks.push(v)
  return ticks
}

/** yearStarts and quarters: the weeks at which a new quarter begins. */
export function quarterTicks(weeks: string[]): { index: number; at: Date; year: boolean }[] {
  const ticks: { index: number; at: Date; year: boolean }[] = []
  let before = -1
  weeks.forEach((week, index) => {
    const at = instant(week)
    if (!at) return
    const quarter = at.getUTCFullYear() * 4 + Math.floor(at.getUTCMonth() / 3)
    if (before !== -1 && quarter !== before) ticks.push({ index, at, year: quarter % 4 === 0 })
    before = quarter
  })
  return ticks
}

/** trailingMean of the `span` weeks up to and including each one; null until
 * there are that many. */
export function trailingMean(counts: (number | null)[], span: number): (number | null)[] {
  return counts.map((_, i) => {
    if (i + 1 < span) return null
    const part = counts.slice(i + 1 - span, i + 1)
    if (part.some((c) => c === null || c === undefined)) return null
    return part.reduce<number>((sum, c) => sum + (c ?? 0), 0) / span
  })
}

/** quietTail counts the weeks without a report at the end of the series. */
export function quietTail(counts: (number | null)[]): number {
  let n = 0
  for (let i = counts.length - 1; i >= 0 && counts[i] === 0; i--) n++
  return n
}
