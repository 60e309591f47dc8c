// Draws the map's canvas. Colours come from the style sheet.
import type { Borders } from './borders'
import { cities } from './cities'
import { clusterRadius, type Cluster } from './cluster'
import type { Ink } from './ink'
import type { Placed } from './points'
import { base, type Size, type View } from './view'

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
  /** The chosen point, -1 for none. */
  chosen: number
  /** 1 for points that another view points at. */
  lit?: Uint8Array | undefined
  /** An area that is being marked, in the projection's units. */
  shape: Path2D | null
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

  outline(pen, picture)

  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  precision(pen, picture)
  labels(pen, picture)
  marks(pen, picture)
  lights(pen, picture)
}

/** outlineOf corners is a closed path in the projection's units, null for none. */
export function outlineOf(corners: readonly { lat: number; lon: number }[]): Path2D | null {
  if (!corners.length) return null
  const path = new Path2D()
  corners.forEach(({ lat, lon }, i) => {
    const [x, y] = base([lon, lat])!
    if (i) path.lineTo(x, y)
    else path.moveTo(x, y)
  })
  path.closePath()
  return path
}

function outline(pen: CanvasRenderingContext2D, { shape, view, ink }: Picture) {
  if (!shape) return
  pen.fillStyle = ink.mark
  pen.globalAlpha = 0.15
  pen.fill(shape)
  pen.globalAlpha = 1
  pen.strokeStyle = ink.mark
  pen.lineWidth = 1.5 / view.k
  pen.stroke(shape)
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

// Beyond so many points, places are drawn as dots alone: discs would cover all.
const discs = 4000

/** The place of each report as a disc of its uncertainty. Many discs add up, so
 * each is the fainter the more there are. */
function precision(pen: CanvasRenderingContext2D, picture: Picture) {
  const { placed, view, size, ink, clusters } = picture
  const single = new Set(clusters.filter((c) => c.count === 1).map((c) => c.members[0]!))
  const many = placed.x.length > discs
  pen.fillStyle = ink.mark
  pen.strokeStyle = ink.mark
  const faint = Math.max(0.012, Math.min(0.1, 8 / placed.x.length))
  const disc = (i: number) => {
    const x = placed.x[i]! * view.k + view.x
    const y = placed.y[i]! * view.k + view.y
    const r = placed.radius[i]! * view.k
    if (x + r < 0 || y + r < 0 || x - r > size.width || y - r > size.height) return
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
    if (many) return
    pen.globalAlpha = 0.45
    pen.fillRect(x - 1, y - 1, 2, 2)
  }
  if (many) {
    single.forEach(disc)
    dots(pen, picture)
  } else {
    for (let i = 0; i < placed.x.length; i++) disc(i)
  }
  pen.globalAlpha = 1
}

let spare: HTMLCanvasElement | undefined

/** dots draws every point as two by two pixels, through a picture of its own, as
 * that is a hundred times as fast as asking the pen for each. */
function dots(pen: CanvasRenderingContext2D, { placed, view, size, ink }: Picture) {
  spare ??= document.createElement('canvas')
  const [w, h] = [size.width, size.height]
  if (spare.width !== w || spare.height !== h) [spare.width, spare.height] = [w, h]
  const own = spare.getContext('2d')
  if (!own) return
  const image = own.createImageData(w, h)
  const pixels = new Uint32Array(image.data.buffer)
  const colour = littleEndian(ink.mark)
  for (let i = 0; i < placed.x.length; i++) {
    const x = (placed.x[i]! * view.k + view.x) | 0
    const y = (placed.y[i]! * view.k + view.y) | 0
    if (x < 1 || y < 1 || x >= w || y >= h) continue
    const at = y * w + x
    pixels[at] = pixels[at - 1] = pixels[at - w] = pixels[at - w - 1] = colour
  }
  own.putImageData(image, 0, 0)
  pen.globalAlpha = 0.35
  pen.drawImage(spare, 0, 0, w, h)
}

/** littleEndian is a "#rrggbb" colour as a canvas stores it. */
function littleEndian(colour: string): number {
  const value = Number.parseInt(colour.slice(1), 16) || 0
  return ((255 << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0
}

/** What another view points at. */
function lights(pen: CanvasRenderingContext2D, { placed, view, size, ink, lit }: Picture) {
  if (!lit) return
  pen.fillStyle = ink['mark-on']
  pen.globalAlpha = 0.9
  for (let i = 0; i < lit.length; i++) {
    if (!lit[i]) continue
    const x = placed.x[i]! * view.k + view.x
    const y = placed.y[i]! * view.k + view.y
    if (x < 0 || y < 0 || x > size.width || y > size.height) continue
    pen.fillRect(x - 2, y - 2, 4, 4)
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
    const on = chosen >= 0 && one.members.includes(chosen)
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
    const rival = share(one, placed.rival)
    if (rival > 0) {
      pen.beginPath()
      pen.arc(x, y, r + 3, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.max(0.12, rival))
      pen.lineWidth = 2.5
      pen.strokeStyle = ink['mark-rival']
      pen.stroke()
    }
    if (one.count > 1) {
      pen.fillStyle = ink['mark-text']
      pen.font = `600 ${one.count > 99 ? 12 : 11}px ${ink.font}`
      pen.fillText(number(one.count), x, y + 0.5)
    }
  }
}

/** share of a cluster's reports that rival claims stand against. */
function share(one: Cluster, rival: Uint8Array | undefined): number {
  if (!rival) return 0
  let n = 0
  for (const i of one.members) n += rival[i]!
  return n / one.count
}
