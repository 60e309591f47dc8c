// What the fixture server answers for the pages on which people work: release,
// ask, library. Made-up answers in the shapes of docs/api.md.
import { dryRun } from './fixtures.mjs'

const own = Array.from({ length: 7 }, (_, i) => ({
  id: `report--0000000${i}-1b3c-4d5e-8f90-a1b2c3d4e5f6`, type: i % 3 ? 'report' : 'incident',
  title: ['Subscriber and two calls', 'Vehicle at the Bannu depot', 'طورخم پر قافلہ', '<i>Depot</i> at Khar', 'Night market watch', 'Road to Zhob', 'Courier seen twice'][i] + ' (fictional)',
  version: `2026-11-${20 - i}T09:00:00Z`, marking: ['TLP:AMBER', 'TLP:GREEN', 'TLP:RED'][i % 3], from: '', added: `2026-11-${20 - i}T09:05:00Z`,
}))

const at = '2026-11-22T06:40:00Z'

/** work answers calls of the working pages; undefined for all others. */
export function work(call, body, url, w, by) {
  w.sent ??= []
  w.pending ??= []
  const other = w.accords[0].members.find((m) => !m.me)?.party
  const gate = (object) => {
    const red = own.find((o) => o.id === object)?.marking === 'TLP:RED'
    const all = { ...dryRun(object), to: [other] }
    return red
      ? { ...all, outcome: 'withhold', tearline: null, redactions: [], reasons: [{ rule: 'marking', outcome: 'withhold', text: 'TLP:RED is for named persons only' }] }
      : { ...all, approvals: own.find((o) => o.id === object)?.type === 'incident' ? 1 : 0 }
  }
  const leave = (object, kind = 'released') => {
    const event = { log: 'north.example/accord/1', index: 40 + w.sent.length }
    const title = own.find((o) => o.id === object)?.title ?? object
    w.sent.unshift({ object, title, copy: `copy-of-${object}`, accord: w.accords[0].id, accord_title: w.accords[0].title, to: other, name: other, kind, at, event, outcome: 'tearline', purpose: 'early-warning', marking: 'TLP:AMBER', redactions: ['source'] })
    return [{ to: other, copy: `copy-of-${object}`, digest: 'sha256:00', event }]
  }
  let match
  if (call === 'GET /search') {
    const q = (url.searchParams.get('q') ?? '').toLowerCase()
    if (w.session.party.id === 'guarantor') return { objects: [], more: false, unfiled: false }
    return { objects: own.filter((o) => o.title.toLowerCase().includes(q)), more: false, unfiled: false }
  }
  if (call === 'GET /releases') return { releases: w.pending }
  if (call === 'GET /copies') {
    const object = url.searchParams.get('object')
    // The partner confirms what it is asked about a second time.
    const copies = w.sent.filter((s) => !object || s.object === object)
    const answer = structuredClone(copies)
    for (const c of copies) Object.assign(c, { confirmed: at, confirmed_by: { log: 'south.example/accord/1', index: 7 } })
    return { copies: answer }
  }
  if (call === 'POST /release') {
    const tried = gate(body.object)
    if (body.dry_run || tried.outcome === 'withhold') return tried
    if (tried.approvals) {
      const one = own.find((o) => o.id === body.object)
      w.pending.unshift({ id: `p${w.pending.length}`, object: body.object, title: one.title, accord: body.accord, to: [other], purpose: body.purpose, by, at, outcome: tried.outcome, reasons: tried.reasons, needed: 1, approvals: [], state: 'waiting', digest: '' })
      return { ...tried, pending: w.pending[0].id }
    }
    return { ...tried, released: true, copies: leave(body.object, body.correct ? 'corrected' : 'released') }
  }
  if (call === 'POST /releases') {
    const results = body.objects.map((object) => {
      const tried = gate(object)
      if (tried.outcome === 'withhold') return { object, outcome: 'withhold', reason: tried.reasons[0].text }
      if (tried.approvals) return { object, outcome: tried.outcome, approvals: 1, reason: 'it waits for the approval of 1' }
      return { object, outcome: tried.outcome, ...(body.dry_run ? {} : { copies: leave(object) }) }
    })
    const n = (fn) => results.filter(fn).length
    return { released: n((r) => !r.reason), pending: n((r) => r.approvals), withheld: n((r) => r.reason && !r.approvals), results }
  }
  if ((match = /^POST \/releases\/(.+)\/(approve|reject)$/.exec(call))) {
    const one = w.pending.find((p) => p.id === match[1])
    if (match[2] === 'reject') Object.assign(one, { state: 'rejected', reason: `${by.name}: ${body.reason}` })
    else Object.assign(one, { state: 'released', approvals: [{ ...by, at }], release: { ...gate(one.object), released: true, copies: leave(one.object) } })
    return one
  }
  if (call === 'POST /withdraw') {
    const of = w.sent.find((s) => s.copy === body.object)
    leave(of.object, 'withdrawn')
    Object.assign(w.sent[0], { copy: of.copy, outcome: undefined, reason: body.reason })
    return { copies: [] }
  }
  w.focus ??= []
  if (call === 'GET /watch/focus') return { focus: w.focus }
  if (call === 'POST /watch/focus') {
    w.focus.push({ id: `f${w.focus.length}`, at, known: body.area !== 'Kohst', ...body })
    return w.focus.at(-1)
  }
  if ((match = /^DELETE .watch.focus.(.+)$/.exec(call))) {
    w.focus = w.focus.filter((f) => f.id !== match[1])
    return {}
  }
  w.plans_ ??= []
  w.met ??= []
  if (call === 'GET /deconflict/footprints') return { footprints: w.plans_ }
  if (call === 'GET /deconflict/exchanges') return { exchanges: w.met }
  if (call === 'POST /deconflict/desk') return body
  if (call === 'POST /deconflict/footprints' && body.id) return Object.assign(w.plans_.find((p) => p.id === body.id), body, { version: 2, conflict: false, answer: 'accepted, no conflict', with: [] })
  if (call === 'POST /deconflict/footprints') {
    const overlap = { footprint: 'p1', cells: [{ cell: '38d1', lat: (body.places ?? body.area)[0].lat, lon: (body.places ?? body.area)[0].lon, corners: [] }], windows: [{ from: body.from, until: body.until ?? body.from }] }
    w.plans_.unshift({
      ...body, id: `p${w.plans_.length}`, version: 1, accords: [], by: by.name, at, state: 'active', cells: 64, checked: true, conflict: true,
      answer: 'accepted, conflict: call Joint desk, +93 20 210 0000 (fictional)',
      with: [{ accord: w.accords[0].id, party: other, name: other, state: 'conflict', session: 'x1', contact: 'Joint desk, +93 20 210 0000 (fictional)', overlap, acknowledged: false }],
    })
    w.met.unshift({ id: 'x1', accord: w.accords[0].id, party: other, opener: 'north', arbiter: 'guarantor', at, done: at, state: 'done', plans: ['p0/1'], size: 64, overlaps: [overlap], contact: 'Joint desk, +93 20 210 0000 (fictional)', owed: 0, they_acknowledged: at })
    return w.plans_[0]
  }
  if (call === 'POST /deconflict/exchanges') return w.met[0] ?? {}
  if ((match = /^POST .deconflict.exchanges.(.+).(acknowledge|resolve)$/.exec(call))) {
    Object.assign(w.met[0], match[2] === 'resolve' ? { resolved: body.how, resolved_by: by.name, resolved_note: body.note } : { acknowledged: at, acknowledged_by: by.name })
    return w.met[0]
  }
  if (/^POST .deconflict.footprints.+withdraw$/.test(call)) {
    Object.assign(w.plans_[0], { state: 'withdrawn', conflict: false, answer: 'withdrawn', with: [] })
    return w.plans_[0]
  }
  if ((match = /^GET \/objects\/([^/]+)(\/versions|\/relationships)?$/.exec(call))) {
    const one = own.find((o) => o.id === decodeURIComponent(match[1]))
    if (!one) throw Object.assign(new Error('There is no such object.'), { status: 404, title: 'Not found' })
    if (match[2] === '/versions') return { versions: [one, { ...one, version: '2026-10-01T08:00:00Z', added: '2026-10-01T08:01:00Z' }] }
    if (match[2]) {
      return { relationships: one !== own[0] ? [] : [
        { ...own[1], type: 'relationship', title: `${own[1].id} related-to ${one.id}`, property: 'target_ref' },
        ...Array.from({ length: 15 }, (_, i) => ({ ...own[2], id: `note--0000000${(i % 10)}-1b3c-4d5e-8f${90 + i}-a1b2c3d4e5f6`, type: 'note', title: `Note ${i + 1} (fictional)`, property: 'object_refs' })),
      ] }
    }
    return { type: one.type, spec_version: '2.1', id: one.id, created: one.version, modified: one.version, name: one.title, description: 'Seen twice. <b>x</b>', object_refs: [own[3].id] }
  }
  const joint = operating(call, body, w, by, other)
  return joint ?? asking(call, body, w, by, other)
}

const earlier = {
  events: [{ accord: 'a', at: '2026-11-21T20:00:00Z', kind: 'match-asked', from: 'north', to: 'south', selector: 'phone', case: 'K-2026-114', count: 10, left: 90, log: 'parley/8899d818977d/north', index: 7 }],
  quotas: [],
}

function asking(call, body, w, by, other) {
  w.questions ??= []
  w.standing ??= []
  w.history ??= structuredClone(earlier)
  const me = w.accords[0].members.find((m) => m.me)?.party
  const digits = (v) => v.replace(/\D/g, '')
  if (call === 'POST /match/preview') {
    const seen = new Map()
    return {
      lines: body.values.flatMap((value, i) => {
        if (!value.trim()) return []
        const key = '+' + digits(value)
        if (key.length < 8) return [{ line: i + 1, value, keys: [], reason: 'a telephone number has at least seven digits' }]
        const first = seen.get(key)
        if (!first) seen.set(key, i + 1)
        return [{ line: i + 1, value, keys: [key], ...(first ? { first } : {}) }]
      }),
    }
  }
  if (call === 'GET /match/questions') return { questions: w.questions }
  if (call === 'GET /match/standing') return { standing: w.standing }
  if (call === 'GET /match/history') return w.history
  if (call === 'POST /match/ask' || call === 'POST /match/standing') {
    const asked = body.values.map((v) => ({ asked: v, value: '+' + digits(v) })).filter((h) => h.value.length >= 8)
    const problems = body.values.filter((v) => digits(v).length < 7).map((value) => ({ value, reason: 'a telephone number has at least seven digits' }))
    const common = { accord: body.accord, to: body.to, selector: body.selector, case: body.case, by: by.name, at, count: asked.length, reason: '', problems }
    w.history.events.unshift({ accord: body.accord, log: 'north.example/accord/1', index: 60 + w.history.events.length, at, kind: 'match-asked', from: me, to: other, selector: body.selector, case: body.case, officer: '7c31', count: asked.length, left: 0 })
    w.history.quotas = [{ accord: body.accord, asker: me, holder: other, selector: body.selector, quota: 100, used: asked.length }]
    if (call.endsWith('standing')) {
      w.standing.unshift({ ...common, id: `s${w.standing.length}`, state: 'active', epoch: 3, hits: [] })
      return w.standing[0]
    }
    w.questions.unshift({ ...common, id: `q${w.questions.length}`, epoch: 3, state: 'answered', hits: asked.slice(0, 1), warnings: [], quota_left: 100 - asked.length, false_positive: '1 in 4,294,967,296 for each value asked' })
    return w.questions[0]
  }
  if (/^DELETE .match.standing./.test(call)) {
    Object.assign(w.standing[0], { state: 'stopped' })
    return w.standing[0]
  }
  if (call === 'POST /requests') {
    w.requests.push({ id: 'asked-1', accord: body.accord, from: me, to: other, direction: 'out', at, due: at, state: 'open', reason: '', case: body.case, value: body.value, subject: body.value, objects: [] })
    return w.requests.at(-1)
  }
  return undefined
}

// A joint operation under way, with what two desks wrote past each other.
const underway = (us, them, accord) => ({
  id: 'exercise-0a1b2c3d4e5f', accord, title: 'EXERCISE Market week (fictional)', exercise: true, state: 'active', digest: 'd'.repeat(64), waiting: 1, conflicts: 1, problems: [],
  terms: { id: 'terms', fields: { title: 'Market week (fictional)', purpose: 'protection', legal_basis: 'Police Act, part 6 (fictional)', officer: 'Amina Rahimi', place: 'Torkham', from: '2026-11-23T04:00:00Z', until: '2026-11-29T16:00:00Z', summary: 'Both posts keep the market road open.\n<b>x</b>' }, conflicts: [] },
  members: [{ party: us, agreed: true, left: '' }, { party: them, agreed: true, left: '' }],
  tasks: [
    { id: 't1', fields: { title: 'Road check at the upper gate', owner: 'North post 4', due: '2026-11-23T06:00:00Z', state: 'doing' }, conflicts: [{ field: 'owner', values: [{ value: 'North post 4', party: us, by: 'Duty officer N-4', at }, { value: 'South post 2', party: them, by: 'Duty officer S-2', at }] }] },
    { id: 't2', fields: { title: 'Notice to traders', owner: 'South', state: 'done' }, conflicts: [] },
  ],
  liaisons: [{ id: 'l1', fields: { name: 'Joint desk (fictional)', party: them, contact: '+93 20 210 0000', hours: 'day and night' }, conflicts: [] }],
  layers: [], attachments: [{ copy: 'report--c', title: 'Sketch of the market (fictional)', party: them, at }], records: [],
  decisions: [{ id: 'd1', fields: { text: 'No search of homes without the officer of the other side.' }, conflicts: [], digest: 'e'.repeat(64), signed: [them], taken: false }],
  log: [{ at, party: them, index: 4, by: 'Duty officer S-2', text: 'proposes the operation' }, { at, party: us, index: 6, by: 'Duty officer N-4', text: 'agrees to the terms' }],
})

/** operating answers calls of joint operations. */
function operating(call, body, w, by, other) {
  const us = w.session.party.id
  if (us === 'guarantor') return call === 'GET /operations' ? { operations: [] } : undefined
  w.operations ??= [underway(us, other, w.accords[0].id)]
  if (call === 'GET /operations') return { operations: structuredClone(w.operations) }
  if (call === 'POST /operations') {
    const name = `${body.exercise ? 'EXERCISE ' : ''}${body.fields.title}`
    const made = { ...underway(us, other, body.accord), id: `operation-${w.operations.length}00000000`, title: name, exercise: !!body.exercise, state: 'proposed', terms: { id: 'terms', fields: body.fields, conflicts: [] }, tasks: [], liaisons: [], decisions: [], attachments: [], conflicts: 0, log: [], members: [{ party: us, agreed: false, left: '' }, { party: other, agreed: true, left: '' }] }
    w.operations.push(made)
    return made
  }
  const [, id, what] = /^POST .operations.([^/]+).(acts|attachments)$/.exec(call) ?? []
  const one = w.operations.find((o) => o.id === id)
  if (!one) return undefined
  if (what === 'attachments') {
    const release = { ...dryRun(body.object), released: true }
    one.attachments.push({ copy: body.object, title: body.title, party: us, at })
    return { release, operation: one }
  }
  const [kind, item] = (body.item ?? '').split('/')
  const list = { task: one.tasks, liaison: one.liaisons, decision: one.decisions }[kind]
  const me = one.members.find((m) => m.party === us)
  if (body.kind === 'set' && list) {
    const known = list.find((i) => i.id === item)
    if (known) {
      Object.assign(known.fields, body.fields)
      known.conflicts = known.conflicts.filter((c) => !(c.field in body.fields))
    } else list.push({ id: item, fields: body.fields, conflicts: [], ...(kind === 'decision' ? { digest: 'f'.repeat(64), signed: [], taken: false } : {}) })
    one.conflicts = one.tasks.filter((t) => t.conflicts.length).length
  }
  if (body.kind === 'agree') Object.assign(me, { agreed: true }) && (one.state = 'agreed')
  if (body.kind === 'activate') one.state = 'active'
  if (body.kind === 'sign') Object.assign(list.find((d) => d.id === item), { signed: [other, us], taken: true })
  if (body.kind === 'close') Object.assign(one, { state: 'closed', records: [{ at, party: us, index: 9, by: by.name, text: body.text }] })
  if (body.kind === 'abandon') one.state = 'abandoned'
  if (body.kind === 'leave') Object.assign(me, { left: at, reason: body.text })
  one.log.push({ at, party: us, index: 10 + one.log.length, by: by.name, text: body.text || `${body.kind} ${body.item ?? ''}` })
  return one
}
