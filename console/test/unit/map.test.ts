import { describe, expect, it } from 'vitest'
import { areaKey } from '../../src/overview/area'
import { cluster, clusterRadius } from '../../src/map/cluster'
import { fit, home, readView, scaleBar, unitsOf, writeView, zoomAt } from '../../src/map/view'

const size = { width: 800, height: 500 }

describe('clusters', () => {
  const many = (n: number) => {
    const x = new Float64Array(n)
    const y = new Float64Array(n)
    for (let i = 0; i < n; i++) {
      x[i] = (i * 7919) % 400
      y[i] = (i * 104729) % 300
    }
    return { x, y }
  }
  it('keeps every point in exactly one cluster', () => {
    const found = cluster(many(5000), 2, 46)
    const members = found.flatMap((c) => c.members).sort((a, b) => a - b)
    expect(members).toEqual(Array.from({ length: 5000 }, (_, i) => i))
    for (const c of found) expect(c.count).toBe(c.members.length)
  })
  it('parts as one comes nearer', () => {
    const points = many(2000)
    expect(cluster(points, 8, 46).length).toBeGreaterThan(cluster(points, 1, 46).length)
  })
  it('knows what no zoom can part', () => {
    const [one] = cluster({ x: Float64Array.of(3, 3, 3), y: Float64Array.of(5, 5, 5) }, 50, 46)
    expect(one).toMatchObject({ count: 3, stacked: true })
  })
  it('grows with the count and stays on the screen', () => {
    expect(clusterRadius(1)).toBeLessThan(clusterRadius(2))
    expect(clusterRadius(1e6)).toBeLessThanOrEqual(26)
  })
  it('takes no points', () => {
    expect(cluster({ x: new Float64Array(), y: new Float64Array() }, 1, 46)).toEqual([])
  })
})

describe('view', () => {
  it('comes back from the address', () => {
    const view = zoomAt(fit(home, size), 3, [200, 100])
    const again = readView(writeView(view, size), size)!
    expect(again.k).toBeCloseTo(view.k, 1)
    // The middle of the screen is the same place, to within a pixel.
    const middle = (v: typeof view) => (400 - v.x) / v.k
    expect(Math.abs(middle(again) - middle(view)) * view.k).toBeLessThan(1)
  })
  it('turns nonsense away', () => {
    for (const text of ['', 'a,b,c', '91,0,1', '0,0', '1e9,1,1']) expect(readView(text, size)).toBeNull()
  })
  it('keeps the pixel under the pointer', () => {
    const view = fit(home, size)
    const next = zoomAt(view, 2, [300, 200])
    const before = [(300 - view.x) / view.k, (200 - view.y) / view.k]
    expect((300 - next.x) / next.k).toBeCloseTo(before[0]!, 9)
    expect((200 - next.y) / next.k).toBeCloseTo(before[1]!, 9)
  })
  it('measures on the ground', () => {
    // A degree of latitude is 111 km; at the equator as many units as a degree is.
    expect(unitsOf(111.19, 0)).toBeCloseTo((1000 * Math.PI) / 180, 1)
    expect(scaleBar(fit(home, size), size, 110).width).toBeLessThanOrEqual(110)
  })
})

describe('areas', () => {
  it('folds the spellings that sources use', () => {
    for (const name of ['Khyber Pakhtunkwa province', 'Khyber Pakhtunkhwa', 'KHYBER-PAKHTUNKHWA'])
      expect(areaKey(name)).toBe('khyber-pakhtunkhwa')
    expect(areaKey('Federally Administered Tribal Areas')).toBe('federally-administered-tribal-areas')
    expect(areaKey('Azad Jammu & Kashmir')).toBe('azad-kashmir')
    expect(areaKey('Islamabad Capital territory')).toBe('islamabad-capital')
    expect(areaKey('Ghōr')).toBe('ghor')
  })
})
