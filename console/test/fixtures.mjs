// A made-up world for the console's tests: real places, invented organisations,
// people and events. Seeded, so that every run draws the same pictures.

export const asOf = '2026-11-16'

/** A small seeded generator (mulberry32), good enough for drawing fixtures. */
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const hex = (seed, length = 64) => {
  const next = generator(seed)
  return Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join('')
}

const places = [
  ['Peshawar', 'Khyber Pakhtunkhwa', 34.01, 71.58, 9], ['Bannu', 'Khyber Pakhtunkhwa', 32.99, 70.6, 8],
  ['Dera Ismail Khan', 'Khyber Pakhtunkhwa', 31.83, 70.91, 7], ['Mingora', 'Khyber Pakhtunkhwa', 34.77, 72.36, 4],
  ['Kohat', 'Khyber Pakhtunkhwa', 33.59, 71.44, 3], ['Lakki Marwat', 'Khyber Pakhtunkhwa', 32.61, 70.91, 5],
  ['Miranshah', 'Federally Administered Tribal Areas', 33.0, 70.07, 10], ['Wana', 'Federally Administered Tribal Areas', 32.3, 69.58, 8],
  ['Parachinar', 'Federally Administered Tribal Areas', 33.9, 70.1, 5], ['Khar', 'Federally Administered Tribal Areas', 34.73, 71.53, 5],
  ['Quetta', 'Balochistan', 30.19, 66.99, 8], ['Chaman', 'Balochistan', 30.92, 66.45, 4], ['Zhob', 'Balochistan', 31.34, 69.45, 4],
  ['Turbat', 'Balochistan', 26.0, 63.05, 3], ['Kalat', 'Balochistan', 29.03, 66.59, 2], ['Khuzdar', 'Balochistan', 27.81, 66.61, 2],
  ['Karachi', 'Sindh', 24.86, 67.01, 3], ['Sukkur', 'Sindh', 27.7, 68.86, 1], ['Lahore', 'Punjab', 31.55, 74.34, 1.2],
  ['Rawalpindi', 'Punjab', 33.6, 73.04, 0.8], ['Jalalabad', 'Nangarhar', 34.43, 70.45, 6], ['Torkham', 'Nangarhar', 34.12, 71.09, 3],
  ['Asadabad', 'Kunar', 34.87, 71.15, 4], ['Khost', 'Khost', 33.34, 69.92, 4], ['Spin Boldak', 'Kandahar', 31.01, 66.4, 3],
  ['Kandahar', 'Kandahar', 31.61, 65.71, 4], ['Lashkar Gah', 'Helmand', 31.59, 64.37, 2],
]
const classes = ['security-forces', 'state', 'civilian', 'infrastructure', 'religious', 'education', 'relief']
const kinds = ['bombing', 'ied', 'ambush', 'armed-assault', 'suicide-attack', 'assassination', 'shelling']
const titles = {
  bombing: 'Bomb at a market gate', ied: 'Roadside bomb against a patrol', ambush: 'Convoy ambushed at a pass',
  'armed-assault': 'Gunmen attack a checkpoint at night', 'suicide-attack': 'Suicide attack at a compound entrance',
  assassination: 'Local official shot on the way to work', shelling: 'Mortar rounds fired at a border post',
}
const organisations = ['', '', 'Grey Lantern Front (fictional)', 'Ash Valley Column (fictional)', 'Ninth Gate Band (fictional)']

const day = 24 * 3600 * 1000
const end = Date.parse(asOf + 'T00:00:00Z')
const iso = (time) => new Date(time).toISOString().slice(0, 10)

export const weeks = Array.from({ length: 104 }, (_, i) => iso(end - (104 - i) * 7 * day))

export function makeIncidents(count) {
  const next = generator(7)
  const weight = places.reduce((sum, p) => sum + p[4], 0)
  const incidents = []
  for (let i = 0; i < count; i++) {
    let at = next() * weight
    const place = places.find((p) => (at -= p[4]) <= 0) ?? places[0]
    // Most of the years behind, denser lately; Sindh falls quiet at the end.
    const age = Math.floor(next() ** 1.12 * 4300) + (place[1] === 'Sindh' ? 110 : 0)
    const precise = next()
    const radius = precise < 0.45 ? 2 : precise < 0.75 ? 15 : precise < 0.93 ? 40 : 90
    const spread = radius < 5 ? 0 : radius / 111
    const kind = kinds[Math.floor(next() * kinds.length)]
    const best = Math.floor(next() ** 4 * 24)
    incidents.push({
      id: `incident--${hex(1000 + i, 8)}-${hex(2000 + i, 4)}-4${hex(3000 + i, 3)}-8${hex(4000 + i, 3)}-${hex(5000 + i, 12)}`,
      date: iso(end - age * day - day),
      end: iso(end - age * day - day),
      date_precision: next() < 0.93 ? 'day' : 'month',
      title: titles[kind],
      lat: i % 97 === 0 ? null : Number((place[2] + (next() - 0.5) * spread * 1.6).toFixed(4)),
      lon: i % 97 === 0 ? null : Number((place[3] + (next() - 0.5) * spread * 1.6).toFixed(4)),
      radius_km: radius,
      place: place[0],
      area: place[1],
      class: classes[Math.floor(next() * classes.length)],
      kind,
      killed: { low: Math.floor(best * 0.7), best, high: Math.ceil(best * 1.4) },
      organisation: organisations[Math.floor(next() * organisations.length)],
      from: next() < 0.2 ? 'south' : '',
      marking: ['TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER', 'TLP:AMBER+STRICT'][Math.floor(next() * 4)],
      grading: 'ABCDF'[Math.floor(next() * 5)] + '12346'[Math.floor(next() * 5)],
    })
  }
  return incidents.sort((a, b) => b.date.localeCompare(a.date))
}

export const incidents = makeIncidents(6400)

/** claimsOf an incident: every ninth named one is claimed by another band. */
export const claimsOf = (one) =>
  one.rival ? [{ by: 'Ninth Gate Band (fictional)', of: 'Ninth Gate Band (fictional)', kind: 'responsibility', statement: 'A message that tries <b>x</b> (fictional)', grading: 'D4' }, { by: 'A spokesman (fictional)', of: one.organisation, kind: 'denial' }] : []
incidents.filter((one) => one.organisation).forEach((one, i) => Object.assign(one, { rival: i % 9 === 0 ? 1 : 0 }))
// Two reports of one event.
Object.assign(incidents[2], { event: 1, rival: 1 })
Object.assign(incidents[3], { event: 1, rival: 1 })

function watch() {
  const index = new Map(weeks.map((w, i) => [w, i]))
  const weekOf = (date) => index.get(iso(Date.parse(weeks[0]) + Math.floor((Date.parse(date) - Date.parse(weeks[0])) / (7 * day)) * 7 * day))
  const areas = [...new Set(places.map((p) => p[1]))].map((area) => {
    const mine = incidents.filter((i) => i.area === area)
    const counts = weeks.map(() => 0)
    for (const one of mine) {
      const week = weekOf(one.date)
      if (week !== undefined) counts[week]++
    }
    const quiet = [...counts].reverse().findIndex((c) => c > 0)
    const mean = counts.slice(-26).reduce((a, b) => a + b, 0) / 26 * 4
    const p = 1 - Math.exp(-Math.max(mean, 0.12))
    return {
      area, counts, total: mine.length, last_attack: mine[0]?.date ?? null, quiet_weeks: quiet < 0 ? weeks.length : quiet,
      p, low: Math.max(0, Math.floor(mean - 1.7 * Math.sqrt(mean))), high: Math.ceil(mean + 1.9 * Math.sqrt(mean) + 1),
      base_rate: area === 'Helmand' ? -1 : Math.min(0.97, p * 0.72 + 0.12), mean,
      lull: quiet >= 8
        ? { at_least_weeks: 8, n: 41, observed: 0.34, forecast: 0.09, text: `Quiet for ${quiet} weeks. After at least 8 quiet weeks, an attack followed within 4 weeks in 34 % of 41 cases; a smoothed rate said 9 %. Quiet is not safety.` }
        : null,
    }
  })
  areas.push({
    area: 'Nimruz', counts: weeks.map(() => null), total: 0, last_attack: null, quiet_weeks: 0,
    p: null, low: null, high: null, base_rate: null, mean: null, lull: null,
  })
  return {
    horizon: 4, as_of: asOf, model: 'EWMA with negative binomial counts, half-life 13 weeks',
    attribution: 'Fictional world, seed 7. No real event is described.',
    weeks, areas,
    record: ['parley', 'ewma', 'climatology'].map((name, i) => ({
      name, n: 1248, crps: 0.914 + 0.02 * i, log: 1.256 + 0.05 * i, brier: 0.096 + 0.007 * i, ece: 0.017 + 0.01 * i, coverage90: 0.93 - 0.02 * i,
      reliability: [0.06, 0.15, 0.25, 0.34, 0.46, 0.55, 0.64, 0.75, 0.86, 0.97].map((f, k) => ({ n: [310, 160, 90, 70, 55, 60, 75, 98, 130, 200][k], forecast: f, observed: Math.min(1, f + [0.01, -0.02, 0.03, 0.02, -0.04, 0.03, 0.01, -0.02, 0.02, 0.01][k]) })),
    })),
    all: { counts: weeks.map((_, i) => areas.reduce((sum, a) => sum + (a.counts[i] ?? 0), 0)) },
  }
}

const by = { name: 'Amina Rahimi', role: 'officer' }

export const onsets = () => ({
  alarms: [
    { unit: 'Khost', week: '2026-11-09T00:00:00Z', evidence: [0, 0, 1, 0, 0, 2, 3, 4], usual: 0.42, strength: 5.1, confirmed: true },
    { unit: 'Sindh', week: '2026-10-19T00:00:00Z', evidence: [0, 0, 0, 0, 0, 0, 1, 2], usual: 0.11, strength: 4.0, confirmed: false,
      judgement: { verdict: 'dismiss', reason: 'Two reports of one event (fictional)', by, at: '2026-10-20T08:00:00Z' } },
  ],
  score: { onsets: 21, within4: 0.81, within8: 0.95, false_alarms_per_series_year: 0.92, precision: 0.12, threshold: 3.4 },
  as_of: asOf, attribution: '',
})

const spreadOf = (kinds, counts) => ({
  kinds, counts,
  diversity: { n: counts.reduce((a, b) => a + b, 0), kinds: kinds.length, shannon: { value: 3.7, low: 3.3, high: 4.1 }, dominant: { value: 3.1, low: 2.7, high: 3.5 } },
  drift: { distance: 0.03, p: 0.004, changed: true },
  turn: { same: 0.31, expected: 0.3, p: 0.62, text: 'no' },
})

export const diversification = () => ({
  as_of: asOf, weeks: 52,
  by_class: spreadOf(['civilian', 'security-forces', 'education', 'infrastructure'], [120, 190, 40, 25]),
  by_area: { kinds: ['Khost', 'Sindh'], counts: [6, 1], refused: ['7 attacks are too few for a reading; ten are needed'] },
  next: [{ class: 'security-forces', area: 'Khost', p: 0.18 }, { class: 'civilian', area: 'Nangarhar', p: 0.11 }, { class: 'education', area: 'Sindh', p: 0.02 }],
  next_district: [],
  attention: {
    fixation: 0.23, gap: 0.31, widest: ['Nangarhar', 'Sindh'],
    looked: { Khost: 0.7, Nangarhar: 0.2, Sindh: 0.1 }, last: { Khost: 0.8, Nangarhar: 0.15, Sindh: 0.05 }, risk: { Khost: 0.47, Nangarhar: 0.38, Sindh: 0.15 },
    sources: [{ source: 'reports read', n: 41, fixation: 0.3, gap: 0.35, looked: {} }, { source: 'coverage plan', n: 2, fixation: 0.1, gap: 0.2, looked: {} }],
    by_class: { fixation: 0.05, gap: 0.12, widest: ['education'], looked: {}, last: {}, risk: {}, sources: [] },
  },
})

export const plan = (units, policy, floor) => ({
  id: hex(80, 16), at: '2026-11-22T06:10:00Z', as_of: asOf,
  plan: { policy, units, floor, cells: ['Khost', 'Nangarhar', 'Sindh'], risk: [4.1, 3.2, 1.3], cover: [0.9, 0.7, 0.4].map((c) => (c * units) / 2) },
  outcome: { met: 0.66, bare: 0, worst: 0.12 },
  trade_off: ['proportional', 'origami', 'uniform'].flatMap((p, i) => [0, 0.1, 0.2, 0.4].map((f) => ({ policy: p, floor: f, outcome: { met: 0.66 - 0.2 * f - 0.1 * i, bare: f ? 0 : 0.05 * i, worst: 0.1 + 0.1 * f + 0.04 * i } }))),
  commitment: hex(81, 64), schedule: [[0, 1], [0, 2], [1, 0], [2, 0]], ends: '2027-11-20T00:00:00Z', attribution: '',
})

const link = (n, state, p, acts = []) => ({
  left: `incident--${hex(120 + n, 8)}`, right: `incident--${hex(140 + n, 8)}`, p, state, at: '2026-11-21T10:00:00Z', acts,
  evidence: [
    { feature: 'date', says: 'a day apart', weight: 2.1 }, { feature: 'place', says: 'names alike', weight: 4.6, similarity: 0.92, km: 3.4 },
    { feature: 'killed', says: 'differs', weight: -1.2 }, { feature: 'wounded', says: 'same number', weight: 1.9 }, { feature: 'kind', says: 'same', weight: 0.8 },
  ],
})

export const fusion = () => ({
  events: [0, 1].map((n) => {
    const l = link(n, n ? 'confirmed' : 'proposed', n ? 0.97 : 0.83, n ? [{ verdict: 'confirm', reason: 'same mill', by, at: '2026-11-21T12:00:00Z', before: 'proposed' }] : [])
    return {
      id: l.left, links: [l],
      reports: [
        { id: l.left, from: '', source: 'police', title: 'Bomb at the mill (fictional)', grading: 'B2' },
        { id: l.right, from: 'south', source: 'press', title: 'Explosion at a flour mill <b>x</b>', grading: 'C3' },
      ],
      fields: [
        { field: 'killed', agree: false, values: [{ value: '3', by: [l.left] }, { value: '4 (3–6)', by: [l.right] }] },
        { field: 'wounded', agree: true, values: [{ value: '5', by: [l.left, l.right] }] },
        { field: 'organisation', agree: true, values: [{ value: 'Red Banner (fictional)', by: [l.right] }] },
      ],
    }
  }),
  split: [link(7, 'split', 0.61, [{ verdict: 'split', reason: 'two days apart', by, at: '2026-11-20T12:00:00Z', before: 'proposed' }])],
})

const accordId = 'accord-' + hex(11, 40)
// The accord of the protocol's vectors, so that the receipt there is of an entry here.
const origin = (party) => `parley/9fce5b75d77bb8b8ad830e6491bea26d7a2a0ad991a6b235b1dc76e9f9dbf846/${party}`
const log = { north: origin('north'), south: origin('south') }
const fingerprint = (seed) => hex(seed, 40)

const parties = {
  north: { id: 'north', name: 'North', role: 'member', mark: 'north' },
  south: { id: 'south', name: 'South', role: 'member', mark: 'south' },
  guarantor: { id: 'guarantor', name: 'Guarantor', role: 'witness', mark: 'guarantor' },
}

const item = (n, fields) => ({
  id: `incident--${hex(70 + n, 8)}-${hex(71 + n, 4)}-4${hex(72 + n, 3)}-9${hex(73 + n, 3)}-${hex(74 + n, 12)}`,
  accord: accordId, accord_title: 'Border early-warning accord (fictional)',
  kind: 'incident', marking: 'TLP:AMBER', grading: 'B2', state: 'read',
  provenance: {
    log: '', index: n, event_at: fields.at, checkpoint_size: n + 4, cosigned_by: n < 2 ? [] : ['south', 'guarantor'], digest: hex(90 + n),
  },
  redactions: [], purpose: 'early-warning', expires: '2027-11-21T00:00:00Z',
  ...fields,
})

const extension = 'extension-definition--6f3c1f5e-2a0b-4f0e-9a57-1f2d7d0c7b11'

function inboxOf(me) {
  const from = me === 'north' ? 'south' : 'north'
  const by = { from, from_name: parties[from].name }
  const items = [
    item(5, {
      ...by, at: '2026-11-21T18:42:10Z', state: 'new', title: 'Movement of explosives towards Torkham expected this week',
      redactions: ['source', 'place coarsened to 25 km', 'time coarsened to the day'],
    }),
    item(4, {
      ...by, at: '2026-11-21T06:05:00Z', state: 'new', marking: 'TLP:RED', grading: 'A1',
      title: 'طورخم کے قریب گشتی دستے پر حملے کی اطلاع (فرضی)', redactions: ['source'],
    }),
    item(3, { ...by, at: '2026-11-19T11:20:31Z', marking: 'TLP:GREEN', grading: 'C3', kind: 'report', title: 'Claim of responsibility by the Ash Valley Column (fictional) for the Bannu road bomb' }),
    item(2, { ...by, at: '2026-11-12T04:00:00Z', grading: 'F6', title: '<img src=x onerror=alert(1)> a title that tries to be markup', redactions: ['reporter'] }),
    item(1, { ...by, at: '2026-10-30T15:59:59Z', marking: 'TLP:CLEAR', grading: 'B3', title: 'Weekly summary of incidents on the Chaman – Spin Boldak road' }),
  ]
  return items.map((one) => ({ ...one, provenance: { ...one.provenance, log: log[from] } }))
}

export function objectOf(one) {
  return {
    type: 'incident', spec_version: '2.1', id: one.id, created: one.at, modified: one.at,
    created_by_ref: 'identity--0d1c7f9e-7d0a-4a55-8e5b-3a0b8f1f2c33',
    name: one.title,
    description: 'A vehicle with about forty kilograms of ammonium nitrate is said to be on its way from the Jalalabad side to the crossing. Two drivers, papers for fruit transport.\n\nFictional report in a seeded world.',
    confidence: 70, labels: ['fictional', 'early-warning'],
    object_marking_refs: ['marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421'],
    extensions: {
      [extension]: {
        extension_type: 'property-extension', start: '2026-11-21', place: 'Torkham crossing', admin1: 'Nangarhar', country: 'Afghanistan',
        latitude: 34.1, longitude: 71.0, radius_km: 25, classes: ['security-forces', 'civilian'], kind: 'bombing',
        killed: { low: 0, best: 0, high: 0 },
        claims: [{ organisation: 'Grey Lantern Front (fictional)', by: 'South', grading: 'C3' }],
      },
    },
  }
}

/** world makes what one party's node answers. Callers may change their copy. */
export function world(me) {
  const inbox = me === 'guarantor' ? [] : inboxOf(me)
  const other = me === 'north' ? 'south' : 'north'
  const requests = me === 'guarantor' ? [] : [
    {
      id: 'request-1', accord: accordId, from: other, to: me, direction: 'in',
      at: '2026-11-22T05:15:00Z', due: '2026-11-23T05:15:00Z', state: 'open', reason: '',
      subject: 'Telephone number that matched in question 3, case K-2026-114: what do you hold on it?',
      objects: [
        { id: 'report--1', title: 'Subscriber and two calls on 14 November (fictional)' },
        { id: 'report--2', title: 'Vehicle seen at the Bannu depot (fictional)' },
      ],
    },
    {
      id: 'request-2', accord: accordId, from: me, to: other, direction: 'out',
      at: '2026-11-18T09:00:00Z', due: '2026-11-25T09:00:00Z', state: 'declined', reason: 'Declined by the holder’s officer.',
      subject: 'Vehicle plate LES-4471, case K-2026-109', objects: [],
    },
  ]
  const accord = {
    id: accordId, title: 'Border early-warning accord (fictional)', state: 'in force', reason: 'Signed by both members; effective since 1 September 2026.',
    members: ['north', 'south'].map((id, i) => ({ party: id, name: parties[id].name, fingerprint: fingerprint(21 + i), signed: true, me: id === me })),
    witnesses: [{ party: 'guarantor', name: 'Guarantor', fingerprint: fingerprint(29) }],
    ceiling: { rung: 'tearline', tlp: 'TLP:AMBER', place: '25 km', time: 'day' },
    purposes: ['counter-terrorism', 'early-warning'], legal_bases: ['Joint declaration of 4 May 2026 (fictional)', 'Police Act, part 6 (fictional)'],
    object_types: ['incident', 'report', 'indicator'],
    match: [{ kind: 'phone', quota: 100 }, { kind: 'vehicle-plate', quota: 40 }],
    retention_days: 365, effective: '2026-09-01T00:00:00Z', expires: '2027-08-31T00:00:00Z',
    rungs: [{ from: 'north', to: 'south', rung: 'tearline' }, { from: 'south', to: 'north', rung: 'match', offered: 'tearline' }],
    suspended: null,
    text: `{\n  "title": "Border early-warning accord (fictional)",\n  "members": ["north", "south"],\n  "witnesses": ["guarantor"],\n  "ceiling": {"rung": "tearline", "tlp": "TLP:AMBER"}\n}\n\n— north.example ${hex(41, 24)}\n— south.example ${hex(42, 24)}\n`,
  }
  const kinds = ['accord-offered', 'accord-signed', 'rung-accepted', 'released', 'match-published', 'match-answered', 'request-answered', 'released', 'received', 'rung-offered']
  const events = Array.from({ length: 26 }, (_, i) => {
    const party = i % 2 ? 'south' : 'north'
    const kind = kinds[i % kinds.length]
    return {
      log: log[party], party, index: Math.floor(i / 2), kind,
      at: new Date(Date.parse('2026-11-22T05:00:00Z') - (26 - i) * 3.1 * 3600e3).toISOString().replace(/\.\d+Z/, 'Z'),
      summary: me === 'guarantor' ? 'Commitment only; the content is not known here.' : `${parties[party].name}: ${kind}, ${i % 3 ? 'one object, TLP:AMBER' : 'accord ' + accordId.slice(0, 15)}`,
      digest: hex(300 + i), ordered_after: hex(400 + i),
    }
  }).reverse()
  return {
    session: {
      party: parties[me], user: { name: { north: 'Duty officer N-4', south: 'Duty officer S-2', guarantor: 'Observer G-1' }[me], role: me === 'guarantor' ? 'operator' : 'officer' },
      notice: 'fictional world', version: '0.1.0',
    },
    overview: {
      counts: { incidents: incidents.length, objects: 1843, inbox: inbox.length, accords: 1, requests: 1 },
      waiting: me === 'guarantor' ? [] : [
        { kind: 'request', title: `${parties[other].name} asks about a telephone number, case K-2026-114`, at: '2026-11-22T05:15:00Z', due: '2026-11-23T05:15:00Z', page: 'inbox' },
        { kind: 'inbox', title: inbox[0].title, at: inbox[0].at, page: `inbox/${inbox[0].id}` },
        { kind: 'inbox', title: inbox[1].title, at: inbox[1].at, page: `inbox/${inbox[1].id}` },
        { kind: 'alarm', title: 'Khost: reports doubled in three weeks', at: '2026-11-22T03:00:00Z', page: 'overview?area=Khost' },
      ],
      partners: ['north', 'south', 'guarantor'].filter((id) => id !== me).map((id) => ({
        party: id, name: parties[id].name, accord: accordId, accord_title: accord.title,
        state: 'in force', rung: id === 'guarantor' ? 'witness' : 'tearline',
        last_contact: id === 'guarantor' ? '2026-11-22T05:58:00Z' : '2026-11-22T06:01:12Z', waiting_out: id === 'guarantor' ? 0 : 2,
        reason: id === 'guarantor' ? 'Witness: co-signs checkpoints, sees commitments only.' : 'Reachable; two parcels wait for its counter-signature.',
      })),
      data: { from: incidents.at(-1).date, to: incidents[0].date, sources: ['seeded world'] },
    },
    watch: watch(), onsets: onsets(), fusion: fusion(), plans: [],
    inbox, requests,
    accords: [accord],
    ledger: {
      logs: ['north', 'south'].map((id, i) => ({
        log: log[id], party: id, accord: accordId, size: 13, root: hex(50 + i), at: '2026-11-22T06:00:00Z',
        cosigned_by: [id === 'north' ? 'south' : 'north'], witnessed_by: i ? [] : ['guarantor'],
      })),
      events,
    },
  }
}

export const dryRun = (object) => ({
  outcome: 'tearline',
  reasons: [
    { rule: 'accord.ceiling', outcome: 'tearline', text: 'The accord allows at most tearline copies.' },
    { rule: 'marking.tlp', outcome: 'full', text: 'TLP:AMBER is within the ceiling TLP:AMBER.' },
    { rule: 'local.sources', outcome: 'tearline', text: 'Own rule: a human source is never named outside.' },
  ],
  redactions: ['source', 'latitude', 'longitude'],
  original: { type: 'report', id: object, name: 'Subscriber and two calls', x_source: 'human source 12 (fictional)', latitude: 34.4312, longitude: 70.4521 },
  tearline: { type: 'report', id: 'report--' + hex(61, 8), name: 'Subscriber and two calls', area: 'Nangarhar' },
  released: false,
})
