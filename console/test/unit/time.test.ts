import { describe, expect, it } from 'vitest'
import { date, instant, moment, solarHijri, wholeWeeks } from '../../src/parts/time'

const at = new Date('2026-03-21T20:30:00Z')

describe('time', () => {
  it('says the zone, always', () => {
    expect(moment('en', at, 'Asia/Karachi')).toBe('22 Mar 2026, \u206601:30 GMT+5\u2069')
    expect(moment('en', at, 'UTC')).toBe('21 Mar 2026, \u206620:30 UTC\u2069')
  })
  it('writes Solar Hijri with its own era', () => {
    expect(solarHijri('en', new Date('2026-03-21T00:00:00Z'))).toBe('1 Farvardin 1405 SH')
    expect(solarHijri('ur', new Date('2026-03-21T00:00:00Z'))).toMatch(/1405 ہ ش$/)
    expect(solarHijri('en', new Date('2026-03-20T00:00:00Z'))).toBe('29 Esfand 1404 SH')
  })
  it('names the months of Pashto and Dari, of which browsers know too little', () => {
    const day = new Date('2026-11-25T00:00:00Z')
    expect(date('ps', day)).toBe('25 نومبر 2026')
    expect(solarHijri('ps', day)).toBe('4 لیندۍ 1405 ل')
    expect(date('prs', day, 'month')).toBe('نومبر 2026')
    expect(solarHijri('prs', day)).toBe('4 قوس 1405 ه\u200d ش')
    expect(solarHijri('prs', day, 'year')).toBe('1405 ه\u200d ش')
    expect(moment('ps', at, 'Asia/Kabul')).toBe('22 مارچ 2026، \u206601:00 GMT+4:30\u2069')
  })
  it('keeps a date the same in every zone and no finer than it is known', () => {
    const day = instant('2026-01-01')!
    expect(date('en', day)).toBe('1 Jan 2026')
    expect(date('en', day, 'month')).toBe('Jan 2026')
    expect(date('en', day, 'year')).toBe('2026')
  })
  it('takes nothing for a time that is none', () => {
    for (const text of [null, undefined, '', 'soon', '0001-01-01T00:00:00Z']) expect(instant(text)).toBeNull()
  })
  it('counts whole weeks and never backwards', () => {
    const a = instant('2026-01-01')!
    expect(wholeWeeks(a, instant('2026-01-14')!)).toBe(1)
    expect(wholeWeeks(a, instant('2025-01-14')!)).toBe(0)
  })
})
