import { describe, expect, it } from 'vitest'
import { barsBetween, binsOf, daysOf } from '../../src/situation/bins'
import { indexOf, readColumns } from '../../src/situation/columns'
import { dayOf, gradedAtLeast, gradedCount, optionsOf, readFilter, select, selectionOf, textOf } from '../../src/situation/filter'
import { groundOf, placedOf } from '../../src/situation/place'
import { base } from '../../src/map/view'
import { columns as write } from '../columns.mjs'

const one = (n: number, more: { date?: string; [key: string]: unknown }) => ({
  id: `incident--${String(n).padStart(8, '0')}-0000-4000-8000-00000000000a`, date: '2026-01-05', end: more.date ?? '2026-01-05', lat: 33.5, lon: 68.25, radius_km: 5,
  killed: { best: n }, area: 'Ghazni', class: 'civilian', kind: 'bombing', organisation: '', from: '', marking: 'TLP:AMBER', grading: 'B2', ...more,
})
const incidents = [
  one(1, { date: '2026-03-02', end: '2026-03-04', from: 'south', marking: '' }),
  one(2, { date: '2026-02-10', area: 'Kunduz', lat: null, lon: null, grading: 'F6' }),
  one(3, { organisation: 'Ash Valley', grading: '', rival: 1 }),
  one(4, { class: 'state', lat: 10, lon: -179, grading: 'A3', event: 7 }),
]
const columns = readColumns(new Uint8Array(write(incidents)))
const found = (query: Record<string, string>) => [...select(columns, readFilter(query)).rows].map((i) => i + 1)

describe('columns', () => {
  it('reads what the node writes', () => {
    expect(columns.n).toBe(4)
    expect(columns.id(1)).toBe(incidents[1]!.id)
    expect(indexOf(columns, incidents[3]!.id)).toBe(3)
    expect(indexOf(columns, 'incident--00000009-0000-4000-8000-00000000000a')).toBe(-1)
    expect(textOf(columns.day[0]!)).toBe('2026-03-02')
    expect([columns.days[0], columns.radius[0], columns.killed[2], columns.event[3], columns.rival[2]]).toEqual([2, 5, 3, 7, 1])
    expect(columns.lat[1]).toBeNaN()
    expect(columns.words.area[columns.codes.area[1]!]).toBe('Kunduz')
  })
  it('refuses what is none', () => {
    expect(() => readColumns(new TextEncoder().encode('{"title":"x"}'))).toThrow('not in columns')
  })
})

describe('filter', () => {
  it('selects by each part as the node does', () => {
    expect(found({})).toEqual([1, 2, 3, 4])
    expect(found({ area: 'Kunduz' })).toEqual([2])
    expect(found({ party: 'own', class: 'civilian' })).toEqual([2, 3])
    expect(found({ party: 'south' })).toEqual([1])
    expect(found({ marking: '-' })).toEqual([1])
    expect(found({ group: '-' })).toEqual([1, 2, 4])
    expect(found({ grading: 'B' })).toEqual([1, 4])
    expect(found({ grading: '2' })).toEqual([1])
    expect(found({ grading: '-' })).toEqual([3])
    expect(found({ from: '2026-01-06', to: '2026-03-01' })).toEqual([2])
    expect(found({ box: '68,33,69,34' })).toEqual([1, 3])
    expect(found({ box: '170,0,-170,20' })).toEqual([4])
    for (const nonsense of [{ from: 'yesterday' }, { box: '1,2' }]) expect(found(nonsense)).toEqual([1, 2, 3, 4])
    expect([gradedAtLeast('E5', 'F6'), gradedAtLeast('B2', 'B3'), gradedAtLeast('B2', 'A1')]).toEqual([false, false, true])
  })
  it('says what each choice would leave, and what there is at any time', () => {
    const got = select(columns, readFilter({ area: 'Ghazni', from: '2026-01-01', to: '2026-01-31' }))
    expect([...got.anytime].map((i) => i + 1)).toEqual([1, 3, 4])
    expect(optionsOf(columns, got.counts.area, 'area').map((o) => [o.value, o.n])).toEqual([['Ghazni', 2], ['Kunduz', 0]])
    expect(optionsOf(columns, got.counts.party, 'party').map((o) => [o.value, o.n])).toEqual([['own', 2], ['south', 0]])
    expect(gradedCount(columns, got.counts.grading, 'B')).toBe(1)
  })
  it('goes to the node as it stands in the address', () => {
    const query = { from: '2026-01-06', to: '2026-03-01', area: 'Ghazni', class: '', group: '-', party: 'own', marking: 'TLP:RED', grading: 'B2', box: '68,33,69,34' }
    const { class: _, ...rest } = query
    expect(selectionOf(readFilter(query))).toEqual(rest)
  })
})

describe('timeline', () => {
  it('gathers days in weeks that begin on Monday', () => {
    const all = select(columns, readFilter({}))
    const bins = binsOf(columns, all.rows, all.anytime, 40)
    expect([bins.width, textOf(bins.first), bins.counts.length]).toEqual([7, '2026-01-05', 9])
    expect([...bins.counts]).toEqual([2, 0, 0, 0, 0, 1, 0, 0, 1])
    expect(daysOf(bins, 5, 0).map(textOf)).toEqual(['2026-01-05', '2026-02-15'])
    expect(barsBetween(bins, dayOf('2026-02-10'), null)).toEqual([5, 8])
    expect(barsBetween(bins, dayOf('1990-01-01'), dayOf('2090-01-01'))).toEqual([0, 8])
  })
  it('takes what fits: days for a short time, more for a long one', () => {
    const all = select(columns, readFilter({}))
    expect(binsOf(columns, all.rows, all.anytime, 100).width).toBe(1)
    expect(binsOf(columns, all.rows, all.anytime, 4).width).toBe(28)
    expect(binsOf({ ...columns, n: 0 }, all.rows, all.anytime, 4).counts.length).toBe(0)
  })
})

it('stands on the map where the projection puts it', () => {
  const placed = placedOf(columns, groundOf(columns), Uint32Array.of(0, 1, 2))
  expect([...placed.rows]).toEqual([0, 2])
  const [x, y] = base([68.25, 33.5])!
  expect([placed.x[0], placed.y[0]]).toEqual([expect.closeTo(x, 6), expect.closeTo(y, 6)])
  expect([...placed.rival]).toEqual([0, 1])
  expect(placed.id(1)).toBe(incidents[2]!.id)
})
