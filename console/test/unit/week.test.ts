import { describe, expect, it } from 'vitest'
import { quarterTicks, quietTail, trailingMean, yTicks } from '../../src/overview/week'
import { percentage } from '../../src/overview/WatchPanel'
import { periodOf } from '../../src/overview/Situation'

describe('weekly chart', () => {
  it('has round ticks that reach the highest count', () => {
    for (const most of [0, 1, 3, 7, 23, 99, 155, 1234]) {
      const ticks = yTicks(most)
      expect(ticks[0]).toBe(0)
      expect(ticks.at(-1)!).toBeGreaterThanOrEqual(most)
      expect(ticks.length).toBeLessThanOrEqual(7)
      expect(ticks.every(Number.isInteger)).toBe(true)
    }
  })
  it('marks each new quarter once', () => {
    const weeks = ['2025-12-22', '2025-12-29', '2026-01-05', '2026-03-30', '2026-04-06']
    expect(quarterTicks(weeks).map((t) => [t.index, t.year])).toEqual([[2, true], [4, false]])
  })
  it('does not average over weeks without data', () => {
    expect(trailingMean([2, 4, null, 6, 8], 2)).toEqual([null, 3, null, null, 7])
  })
  it('counts quiet weeks at the end, and takes missing data for no such thing', () => {
    expect(quietTail([3, 0, 0])).toBe(2)
    expect(quietTail([0, 0, null])).toBe(0)
    expect(quietTail([])).toBe(0)
  })
})

describe('watch', () => {
  it('never says that something is certain', () => {
    const say = (p: number) => percentage(p, (n) => `${Math.round(n * 100)}%`).replace(/[\u2066\u2069]/g, '')
    expect([0, 0.004, 0.01, 0.345, 0.99, 0.996, 1].map(say)).toEqual(['<1%', '<1%', '1%', '35%', '99%', '>99%', '>99%'])
  })
  it('asks for the weeks that are shown', () => {
    const weeks = ['2026-01-05', '2026-01-12', '2026-01-19']
    expect(periodOf('13w', weeks, '2026-01-26')).toEqual({ from: '2026-01-05', to: '' })
    expect(periodOf('all', weeks, '2026-01-26')).toEqual({ from: '', to: '' })
    expect(periodOf('104w', [], '2026-01-26T00:00:00Z')).toEqual({ from: '2026-01-26', to: '' })
  })
})
