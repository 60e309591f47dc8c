import { geoCentroid, geoPath } from 'd3-geo'
import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import { Problem } from '../api/client'
import address from './borders.json?url'
import { areaKey } from '../overview/area'
import { base } from './view'

type Land = { c: string; id?: string; en?: string; ur?: string; fa?: string; d: 0 | 1 }
type Source = Topology<{ provinces: GeometryCollection<Land>; countries: GeometryCollection<Land> }>

export type Province = {
  shape: Path2D
  key: string
  names: Readonly<Record<string, string>>
  /** Middle and width in the projection's units, for the label. */
  x: number
  y: number
  width: number
}

export type Borders = {
  neighbours: Path2D
  provinces: Province[]
  inner: Path2D
  outer: Path2D
  disputed: Path2D
}

/** fetchBorders loads the outlines and projects them once. */
export async function fetchBorders(): Promise<Borders> {
  const answer = await fetch(address).catch(() => null)
  if (!answer) throw new Problem(0, '', '')
  if (!answer.ok) throw new Problem(answer.status, '', '')
  const source = (await answer.json()) as Source
  const path = geoPath(base)
  const trace = (shape: Parameters<typeof path>[0]) => new Path2D(path(shape) ?? '')

  const { provinces, countries } = source.objects
  const all: GeometryCollection<Land> = {
    type: 'GeometryCollection',
    geometries: [...provinces.geometries, ...countries.geometries],
  }
  const land = (edge: { properties?: unknown }) => edge.properties as Land
  const lines = (keep: (a: Land, b: Land | null) => boolean) =>
    trace(
      mesh(source, all, (a, b) =>
        keep(land(a), a === b ? null : land(b)),
      ),
    )
  const contested = (a: Land, b: Land) => a.d !== b.d || (a.d === 1 && a.c !== b.c)

  return {
    neighbours: trace(feature(source, countries)),
    provinces: feature(source, provinces).features.map((province) => {
      const [[w], [e]] = path.bounds(province)
      const [x, y] = base(geoCentroid(province))!
      const { en = '', ur = '', fa = '' } = province.properties
      return { shape: trace(province), key: areaKey(en), names: { en, ur, prs: fa, ps: fa }, x, y, width: e - w }
    }),
    inner: lines((a, b) => !!b && a.c === b.c && !contested(a, b)),
    outer: lines((a, b) => !b || (a.c !== b.c && !contested(a, b))),
    disputed: lines((a, b) => !!b && contested(a, b)),
  }
}
