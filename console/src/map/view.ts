// The map's position: a zoom and a shift over a fixed Mercator projection.
import { geoMercator } from 'd3-geo'

// One unit of the base projection is a thousandth of the earth's radius.
const unit = 1000
const earth = 6371 // km

export const base = geoMercator().scale(unit).translate([0, 0])

export type View = { k: number; x: number; y: number }
export type Size = { width: number; height: number }

/** What is shown first: the two neighbours, west-south to east-north. */
export const home = [[60.6, 23.6], [77.6, 38.4]] as const

export const farthest = 0.7
export const nearest = 80

/** fit chooses the view that shows a box of longitudes and latitudes. */
export function fit(box: readonly (readonly [number, number])[], size: Size, margin = 12): View {
  const corners = box.map((c) => base([c[0], c[1]])!)
  const xs = corners.map((c) => c[0])
  const ys = corners.map((c) => c[1])
  const [w, e] = [Math.min(...xs), Math.max(...xs)]
  const [n, s] = [Math.min(...ys), Math.max(...ys)]
  const k = clampZoom(
    Math.min((size.width - 2 * margin) / Math.max(1e-6, e - w), (size.height - 2 * margin) / Math.max(1e-6, s - n)),
  )
  return { k, x: size.width / 2 - (k * (w + e)) / 2, y: size.height / 2 - (k * (n + s)) / 2 }
}

export const clampZoom = (k: number) => Math.min(nearest, Math.max(farthest, k))

/** zoomAt changes the zoom and keeps the given pixel where it is. */
export function zoomAt(view: View, factor: number, at: readonly [number, number]): View {
  const k = clampZoom(view.k * factor)
  const f = k / view.k
  return { k, x: at[0] - (at[0] - view.x) * f, y: at[1] - (at[1] - view.y) * f }
}

/** writeView and readView: "lat,lon,zoom" of the middle, for the address. */
export function writeView(view: View, size: Size): string {
  const middle = base.invert!([(size.width / 2 - view.x) / view.k, (size.height / 2 - view.y) / view.k])!
  return `${middle[1].toFixed(3)},${middle[0].toFixed(3)},${view.k.toFixed(2)}`
}

export function readView(text: string, size: Size): View | null {
  const [lat, lon, k] = text.split(',').map(Number)
  if (lat === undefined || lon === undefined || k === undefined) return null
  if (![lat, lon, k].every(Number.isFinite) || Math.abs(lat) > 80 || Math.abs(lon) > 180) return null
  const zoom = clampZoom(k)
  const [x, y] = base([lon, lat])!
  return { k: zoom, x: size.width / 2 - x * zoom, y: size.height / 2 - y * zoom }
}

/** unitsOf a distance on the ground at a latitude (Mercator stretches it). */
export const unitsOf = (km: number, lat: number) => (km / earth) * unit / Math.cos((lat * Math.PI) / 180)

/** scaleBar picks a round distance that is drawn at most `room` pixels long. */
export function scaleBar(view: View, size: Size, room: number): { km: number; width: number } {
  const lat = base.invert!([0, (size.height / 2 - view.y) / view.k])![1]
  const perKm = unitsOf(1, lat) * view.k
  const km = [1000, 500, 200, 100, 50, 20, 10, 5, 2, 1].find((d) => d * perKm <= room) ?? 1
  return { km, width: km * perKm }
}
