// Draws the map's canvas. Colours come from the style sheet.
import type { Incident } from '../api/types'
import type { Borders } from './borders'
import { cities } from './cities'
import { clusterRadius, type Cluster, type Points } from './cluster'
import type { Ink } from './ink'
import { base, unitsOf, type Size, type View } from './view'

export type Placed = Points & {
  ids: string[]
  /** How far the true place may be, in the projection's units. */
  radius: Float64Array
}

/** project places every report that has a position. */
export function project(incidents: Incident[]): Placed {
  const known = incidents.filter((i) => i.lat !== null && i.lon !== null)
  const placed = {
    ids: known.map((i) => i.id),
    x: new Float64Array(known.length),
    y: new Float64Array(known.length),
    radius: new Float64Array(known.length),
  }
  known.forEach((one, i) => {
    const [x, y] = base([one.lon!, one.lat!])!
    placed.x[i] = x
    placed.y[i] = y
    placed.radius[i] = unitsOf(one.radius_km || 0, one.lat!)
  })
  return placed
}

/** pick finds the cluster under a pixel, with some slack round it. */
export function pick(clusters: Cluster[], view: View, at: readonly [number, number], slack: number): Cluster | null {
  let best: Cluster | null = null
  let least = Infinity
  for (const one of clusters) {
    const away = Math.hypot(one.x * view.k + view.x - at[0], one.y * view.k + view.y - at[1])
    const reach = clusterRadius(one.count) + slack
    if (away < reach && away < least) {
      best = one
      least = away
    }
  }
  return best
}

export type Picture = {
  view: View
  size: Size
  ink: Ink
  locale: string
  borders: Borders
  placed: Placed
  clusters: Cluster[]
  hovered: Cluster | null
  chosen: string
  /** areaKey of the area that is looked at, or "". */
  area: string
  number: (n: number) => string
}

export function draw(canvas: HTMLCanvasElement, picture: Picture) {
  const { view, size, ink } = picture
  const ratio = Math.min(2, devicePixelRatio || 1)
  const [w, h] = [Math.round(size.width * ratio), Math.round(size.height * ratio)]
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w
    canvas.height = h
  }
  const pen = canvas.getContext('2d')
  if (!pen) return
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.fillStyle = ink.sea
  pen.fillRect(0, 0, size.width, size.height)

  pen.setTransform(ratio * view.k, 0, 0, ratio * view.k, ratio * view.x, ratio * view.y)
  land(pen, picture)

  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  precision(pen, picture)
  labels(pen, picture)
  marks(pen, picture)
}

function land(pen: CanvasRenderingContext2D, { borders, ink, view, area }: Picture) {
  pen.lineJoin = 'round'
  pen.fillStyle = ink['land-near']
  pen.fill(borders.neighbours)
  for (const province of borders.provinces) {
    pen.fillStyle = area && province.key === area ? ink['land-on'] : ink.land
    pen.fill(province.shape)
  }
  const line = (path: Path2D, colour: string, width: number, dash: number[] = []) => {
    pen.strokeStyle = colour
    pen.lineWidth = width / view.k
    pen.setLineDash(dash.map((d) => d / view.k))
    pen.stroke(path)
  }
  line(borders.inner, ink['border-inner'], 0.8)
  line(borders.outer, ink.border, 1.3)
  line(borders.disputed, ink.border, 1.3, [4, 3])
  pen.setLineDash([])
}

/** The place of each report as a disc of its uncertainty. Many discs add up, so
 * each is the fainter the more there are. */
function precision(pen: CanvasRenderingContext2D, { placed, view, size, ink, clusters }: Picture) {
  const single = new Set(clusters.filter((c) => c.count === 1).map((c) => c.members[0]))
  pen.fillStyle = ink.mark
  pen.strokeStyle = ink.mark
  const faint = Math.max(0.012, Math.min(0.1, 8 / placed.ids.length))
  for (let i = 0; i < placed.ids.length; i++) {
    const x = placed.x[i]! * view.k + view.x
    const y = placed.y[i]! * view.k + view.y
    const r = placed.radius[i]! * view.k
    if (x + r < 0 || y + r < 0 || x - r > size.width || y - r > size.height) continue
    if (r > 5) {
      pen.beginPath()
      pen.arc(x, y, r, 0, 2 * Math.PI)
      pen.globalAlpha = single.has(i) ? 0.12 : faint
      pen.fill()
      if (single.has(i)) {
        pen.globalAlpha = 0.5
        pen.lineWidth = 1
        pen.stroke()
      }
    }
    pen.globalAlpha = 0.45
    pen.fillRect(x - 1, y - 1, 2, 2)
  }
  pen.globalAlpha = 1
}

type Box = { x: number; y: number; width: number; height: number }

/** Names of towns, then of provinces. A name that a report, another name or the
 * edge would cover is left out rather than shown in half. */
function labels(pen: CanvasRenderingContext2D, { borders, view, size, ink, locale, clusters }: Picture) {
  const latin = locale === 'en'
  const taken: Box[] = []
  const free = (box: Box) =>
    box.x > 2 && box.y > 2 && box.x + box.width < size.width - 2 && box.y + box.height < size.height - 2 &&
    !taken.some((b) => b.x < box.x + box.width && box.x < b.x + b.width && b.y < box.y + box.height && box.y < b.y + b.height) &&
    !clusters.some((c) => covers(c, view, box))
  const write = (text: string, box: Box) => {
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    taken.push(box)
    pen.strokeText(text, x, y)
    pen.fillText(text, x, y)
  }
  pen.lineWidth = 3
  pen.lineJoin = 'round'
  pen.strokeStyle = ink.halo
  pen.fillStyle = ink.label
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.direction = latin ? 'ltr' : 'rtl'

  pen.font = `400 ${latin ? 11 : 12.5}px ${ink.font}`
  for (const city of cities) {
    if (view.k < city.from) continue
    const [cx, cy] = base([city.lon, city.lat])!
    const [x, y] = [cx * view.k + view.x, cy * view.k + view.y]
    const name = latin ? city.en : locale === 'ur' ? city.ur : city.fa
    const width = pen.measureText(name).width
    const after = { x: x + 5, y: y - 13, width, height: 14 }
    const before = { ...after, x: x - 5 - width }
    const above = { ...after, x: x - width / 2, y: y - 19 }
    const place = [...(latin ? [after, before] : [before, after]), above, { ...above, y: y + 5 }].find(free)
    if (!place) continue
    pen.fillRect(x - 1.5, y - 1.5, 3, 3)
    write(name, place)
  }

  pen.font = `600 ${latin ? 10.5 : 12}px ${ink.font}`
  pen.globalAlpha = 0.75
  for (const province of borders.provinces) {
    const name = province.names[locale] || province.names.en || ''
    const text = latin ? name.toUpperCase() : name
    const width = pen.measureText(text).width
    if (width > province.width * view.k * 0.8) continue
    const box = { x: province.x * view.k + view.x - width / 2, y: province.y * view.k + view.y - 7, width, height: 14 }
    const place = [0, 16, -16, 32, -32].map((dy) => ({ ...box, y: box.y + dy })).find(free)
    if (place) write(text, place)
  }
  pen.globalAlpha = 1
}

/** covers reports whether a cluster's circle reaches into a box on the screen. */
function covers(one: Cluster, view: View, box: Box): boolean {
  const cx = one.x * view.k + view.x
  const cy = one.y * view.k + view.y
  const dx = cx - Math.min(Math.max(cx, box.x), box.x + box.width)
  const dy = cy - Math.min(Math.max(cy, box.y), box.y + box.height)
  return Math.hypot(dx, dy) < clusterRadius(one.count)
}

function marks(pen: CanvasRenderingContext2D, { clusters, placed, view, size, ink, hovered, chosen, number }: Picture) {
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.direction = 'ltr'
  for (const one of clusters) {
    const x = one.x * view.k + view.x
    const y = one.y * view.k + view.y
    const r = clusterRadius(one.count)
    if (x + r < 0 || y + r < 0 || x - r > size.width || y - r > size.height) continue
    const on = one.members.some((i) => placed.ids[i] === chosen) && chosen !== ''
    const hot = hovered !== null && hovered.members[0] === one.members[0]
    pen.beginPath()
    pen.arc(x, y, r, 0, 2 * Math.PI)
    pen.globalAlpha = one.count > 1 ? 0.82 : 1
    pen.fillStyle = ink.mark
    pen.fill()
    pen.globalAlpha = 1
    pen.lineWidth = on || hot ? 2.5 : 1
    pen.strokeStyle = on || hot ? ink['mark-on'] : ink.halo
    pen.stroke()
    if (one.count > 1) {
      pen.fillStyle = ink['mark-text']
      pen.font = `600 ${one.count > 99 ? 12 : 11}px ${ink.font}`
      pen.fillText(number(one.count), x, y + 0.5)
    }
  }
}
