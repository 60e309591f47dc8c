// Serves the built console as a node would, with made-up answers: the content
// security policy, brotli, the session cookie and the API's shapes are the same.
//
//   node test/fixture-server.mjs [port]      then open the links it prints
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { work } from './fixture-work.mjs'
import { columns } from './columns.mjs'
import { diversification, incidents, objectOf, plan, world, claimsOf } from './fixtures.mjs'

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist')
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
  '.json': 'application/json', '.woff2': 'font/woff2',
}

const sessions = [
  { id: 's1', name: 'Duty officer N-4', how: 'passkey', at: '2026-11-22T05:00:00Z', until: '2026-11-22T17:00:00Z', from: '127.0.0.1', agent: 'Mozilla/5.0 (X11; Linux x86_64)', locked: false, here: true },
  { id: 's2', name: 'Duty officer N-4', how: 'password', at: '2026-11-21T21:00:00Z', until: '2026-11-22T09:00:00Z', from: '192.0.2.7', agent: 'Mozilla/5.0 (Android 15)', locked: true, here: false },
]

const side = (party, more) => ({
  party, released: 41, corrected: 1, withdrawn: 0, withdrawals_honoured: 0, questions: 12, asked: 60, answered: 9, refused: 0, requests: 4, hits_followed: 3,
  fulfilled: 3, declined: 1, overdue: 0, median_seconds: 5400, days_suspended: 0, useful: 22, known: 6, wrong: 1, late: 2, ...more,
})
const accountOf = (us, them) => ({
  account: { as_of: '2026-11-22T06:00:00Z', sides: [side(us), side(them, { released: 17, useful: 9, overdue: 2, days_suspended: 6.5 })] },
  rung: 'tearline', proposal: { move: 'raise', rung: 'full', reasons: ['15 of 17 judged useful'] },
})

const admin = {
  'GET /examine': { checks: [{ name: 'clock', ok: true, found: 'not behind our own logs' }, { name: 'feed ministry', ok: false, found: '401 from the server', do: 'correct the feed (parley feed) or ask who runs it' }] },
  'GET /people': { people: [
    { name: 'Duty officer N-4', role: 'officer', added: '', passkeys: 2, password: false, account: '', known: false },
    { name: 'Night operator', role: 'operator', added: '', passkeys: 1, password: true, account: 'night@north.example', known: true },
  ] },
  'GET /sessions': { sessions },
  'GET /feeds': { feeds: [{ name: 'ministry', url: 'https://192.0.2.9/taxii2/', kind: 'taxii', last_run: '2026-11-22T05:00:00Z', error: '401 from the server', taken: 812, refused_total: 3 }] },
  'GET /calendar': { dates: [{ what: 'card', name: 'North', own: true, at: '2099-12-12T00:00:00Z' }, { what: 'accord', name: 'Border early-warning accord (fictional)', own: true, at: '2099-08-31T00:00:00Z' }] },
  'GET /recoveries': { recoveries: [] },
  'GET /rehearsal': { last: null },
  'GET /policy': { files: { 'own.cedar': '@id("base") permit(principal, action, resource);\n' } },
  'GET /audit': { ok: true, logs: [{ log: 'parley/8899d818977d/north', entries: 13, opened: 13, faults: null }, { log: 'parley/8899d818977d/south', entries: 13, opened: 9, faults: [] }] },
}

const seen = (session, role) => (role ? { ...session, user: { name: `${session.user.name} (${role})`, role } } : session)

class Refusal extends Error {
  constructor(status, title, detail) {
    super(detail)
    Object.assign(this, { status, title })
  }
}

/** start listens on 127.0.0.1. `faults` maps "METHOD /path" to a status to
 * answer with instead; tests fill and empty it while the server runs. */
export async function start({ port = 0 } = {}) {
  const worlds = {}
  const spent = new Set()
  const faults = new Map()
  const followers = new Set()
  const worldOf = (name) => (worlds[name] ??= { ...structuredClone(world(name)), sessions: structuredClone(sessions), drafts: [], admin: structuredClone(admin) })

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      const status = error.status ?? 500
      response.writeHead(status, { 'Content-Type': 'application/problem+json' })
      response.end(JSON.stringify({ title: error.title ?? 'Internal error', status, detail: error.message }))
    })
  })

  async function answer(request, response) {
    const url = new URL(request.url, 'http://console')
    response.setHeader('Content-Security-Policy', policy)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.setHeader('Referrer-Policy', 'no-referrer')
    if (url.pathname.startsWith('/api/v1/')) return api(request, response, url)
    return file(request, response, url)
  }

  async function file(request, response, url) {
    const path = join(dist, normalize(url.pathname === '/' ? '/index.html' : url.pathname))
    if (!path.startsWith(dist)) throw new Refusal(404, 'Not found', '')
    response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream')
    response.setHeader('Cache-Control', url.pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
    if (/\bbr\b/.test(request.headers['accept-encoding'] ?? '')) {
      const small = await readFile(path + '.br').catch(() => null)
      if (small) {
        response.writeHead(200, { 'Content-Encoding': 'br', Vary: 'Accept-Encoding' })
        return response.end(small)
      }
    }
    const bytes = await readFile(path).catch(() => null)
    if (!bytes) throw new Refusal(404, 'Not found', `There is no ${url.pathname}.`)
    response.end(bytes)
  }

  async function api(request, response, url) {
    const call = `${request.method} ${url.pathname.slice('/api/v1'.length)}`
    const send = (body) => {
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(body))
    }
    if (faults.has(call)) throw new Refusal(faults.get(call), 'Fault', 'The fixture was told to fail here.')
    let body = {}
    if (request.method === 'POST') {
      if (request.headers['content-type'] !== 'application/json') throw new Refusal(415, 'Unsupported', 'JSON is needed.')
      const parts = []
      for await (const part of request) parts.push(part)
      body = JSON.parse(Buffer.concat(parts).toString())
    }
    let match
    const [, party, role] = /parley=([a-z]+)-?([a-z]*)/.exec(request.headers.cookie ?? '') ?? []
    if (call === 'POST /session') {
      const [, name, as] = /^(north|south|guarantor)-(?:\w+|as-(auditor|approver|analyst|operator)-\w+)$/.exec(body.token) ?? []
      if (!name || spent.has(body.token)) throw new Refusal(401, 'Unauthorized', 'This link was used or has expired.')
      spent.add(body.token)
      response.setHeader('Set-Cookie', `parley=${name}${as ? `-${as}` : ''}; HttpOnly; SameSite=Strict; Path=/`)
      return send(seen(worldOf(name).session, as))
    }
    if (call === 'GET /session/ways') return send({ name: 'North', mark: 'north', passkey: address, password: true, oidc: 'Ministry', locked: '' })
    if (!party) throw new Refusal(401, 'Unauthorized', 'Sign in first.')
    const w = worldOf(party)
    if (call === 'GET /events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('event: open\ndata:\n\n')
      followers.add(response)
      response.on('close', () => followers.delete(response))
      return
    }
    if (call === 'GET /session') return send(seen(w.session, role))
    if (call === 'DELETE /session') {
      response.writeHead(204, { 'Set-Cookie': 'parley=; Max-Age=0; Path=/' })
      return response.end()
    }
    if (call === 'GET /me') return send({ ...seen(w.session, role).user, passkeys: [{ id: 'a1', name: 'Key on the ring', added: '2026-11-02T08:00:00Z', used: '' }], password: true, account: 'duty@north.example', origin: address })
    if (call === 'GET /me/sessions') return send({ sessions: w.sessions })
    if ((match = /^DELETE \/me\/sessions\/(.+)$/.exec(call))) {
      w.sessions = w.sessions.filter((one) => one.id !== match[1])
      return send({})
    }
    if (role === 'auditor' && !/\/(accords|ledger|alarms|audit|match|card)/.test(call)) throw new Refusal(403, 'Forbidden', 'Your role, auditor, may not do this.')
    if (call === 'GET /overview') return send(w.overview)
    if (call === 'GET /watch') return send(w.watch)
    if (call === 'GET /watch/onsets') return send(w.onsets)
    if (call === 'GET /watch/diversification') return send(diversification())
    if (call === 'GET /watch/coverage') return send({ plans: w.plans })
    if (call === 'POST /watch/coverage') {
      w.plans.unshift(plan(body.units, body.policy, body.floor))
      return send(w.plans[0])
    }
    const by = seen(w.session, role).user
    const at = '2026-11-22T06:30:00Z'
    if (call === 'POST /watch/onsets/judge') {
      const one = w.onsets.alarms.find((a) => a.unit === body.area && a.week.startsWith(body.week))
      if (!one) throw new Refusal(404, 'Not found', 'There is no such alarm.')
      if (body.verdict === 'dismiss' && !body.reason) throw new Refusal(422, 'Reason missing', 'Say why the alarm is dismissed.')
      one.judgement = { verdict: body.verdict, reason: body.reason, by, at }
      return send(one.judgement)
    }
    if (call === 'GET /fusion') {
      const limit = Number(url.searchParams.get('limit'))
      return send({ ...w.fusion, events: w.fusion.events.slice(0, limit) })
    }
    if (call === 'POST /fusion/judge') {
      const one = [...w.fusion.events.flatMap((e) => e.links), ...w.fusion.split].find((l) => l.left === body.left && l.right === body.right)
      if (!one) throw new Refusal(404, 'Not found', 'There is no such link.')
      const before = one.state
      one.state = { confirm: 'confirmed', split: 'split', undo: one.acts.at(-1)?.before ?? 'proposed' }[body.verdict]
      one.acts.push({ verdict: body.verdict, reason: body.reason, by, at, before })
      return send(one)
    }
    if (call === 'GET /incidents/columns') {
      const from = url.searchParams.get('from') ?? ''
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' })
      return response.end(columns((w.many ?? incidents).filter((i) => i.date >= from)))
    }
    if (call === 'GET /incidents/rows') {
      const ids = new Set(url.searchParams.getAll('id'))
      return send({ rows: (w.many ?? incidents).filter((i) => ids.has(i.id)).map((i) => ({ ...i, claims: claimsOf(i) })) })
    }
    if (call === 'GET /incidents') {
      const from = url.searchParams.get('from') ?? ''
      const found = incidents.filter((i) => i.date >= from)
      return send({ incidents: found, total: found.length })
    }
    if (call === 'GET /inbox') return send({ items: w.inbox })
    if (call === 'GET /requests') return send({ requests: w.requests })
    if (call === 'GET /accords') return send({ accords: w.accords })
    if (call === 'GET /ledger') return send(w.ledger)
    if (call in w.admin) return send(w.admin[call])
    if (call === 'POST /policy/dry-run') {
      response.setHeader('Content-Type', 'application/x-ndjson')
      response.write(JSON.stringify({ object: 'incident--1', title: 'Device found (fictional)', accord: 'a', to: 'south', was: 'tearline', is: 'withhold', reason: 'rule "young"' }) + '\n')
      return response.end(JSON.stringify({ tally: { objects: 12, decisions: 12, more: 0, less: 1, approvals: 0, same: 11 } }) + '\n')
    }
    if (call === 'POST /policy') return send((w.admin['GET /policy'] = { files: body.files }))
    if (call === 'POST /people') {
      const one = { name: body.name, role: body.role, added: '', passkeys: 0, password: false, account: body.account ?? '', known: false }
      w.admin['GET /people'].people.push(one)
      return send({ ...one, link: `${address}/#token=${party}-made` })
    }
    if ((match = /^DELETE \/people\/(.+)$/.exec(call))) {
      w.admin['GET /people'].people = w.admin['GET /people'].people.filter((p) => p.name !== decodeURIComponent(match[1]))
      return send({})
    }
    if (call === 'POST /rehearsal') return send((w.admin['GET /rehearsal'] = { last: { at: '2026-11-22T06:30:00Z', by: 'Night operator', ok: true, found: 'a file, read whole: 8,123 rows', bytes: 4_000_000 } }))
    if (call === 'GET /drafts') return send({ drafts: w.drafts })
    if (call === 'GET /card') return send({ party, name: w.session.party.name, fingerprint: '10427 55831 90216 44870 13359 72004 61188 05973', sequence: 1, endpoints: ['https://127.0.0.1:1'], expires: '2027-01-01T00:00:00Z', own: true, note: 'a card of a fictional world' })
    if (call === 'GET /card/code') {
      response.writeHead(200, { 'Content-Type': 'image/png' })
      return response.end(Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'))
    }
    if ((match = /^GET \/accords\/(.+)\/account$/.exec(call))) return send(accountOf(party, url.searchParams.get('party')))
    if ((match = /^POST \/accords\/(.+)\/rung$/.exec(call))) {
      const one = w.accords[0].rungs.find((r) => r.from === party && r.to === body.to)
      Object.assign(one, { rung: body.rung })
      return send(w.accords[0])
    }
    if ((match = /^POST \/drafts\/([^/]+)$/.exec(call))) {
      w.drafts = [...w.drafts.filter((d) => d.name !== match[1]), { name: match[1], draft: body }]
      response.writeHead(204)
      return response.end()
    }
    if ((match = /^POST \/drafts\/([^/]+)\/offer$/.exec(call))) {
      const kept = w.drafts.find((d) => d.name === match[1])
      w.drafts = w.drafts.filter((d) => d !== kept)
      const offered = { ...structuredClone(w.accords[0]), id: `offered-${match[1]}`, title: kept.draft.title, state: 'offered', reason: 'signed by 1 of 2 members' }
      w.accords.push(offered)
      return send(offered)
    }
    if (call === 'GET /alarms') return send({ alarms: w.alarms ?? [] })
    // One receipt, of North's entry 1: for any other it is what a node would give
    // out that hides an entry behind another.
    if (call === 'GET /ledger/receipt') {
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment; filename="receipt.parley"' })
      return response.end(await readFile(join(dist, '../../testdata/protocol/receipt.txt')))
    }
    const worked = work(call, body, url, w, by)
    if (worked !== undefined) return send(worked)
    if ((match = /^GET \/inbox\/(.+)$/.exec(call))) {
      const one = w.inbox.find((i) => i.id === decodeURIComponent(match[1]))
      if (!one) throw new Refusal(404, 'Not found', 'There is no such item.')
      one.state = 'read'
      return send({ ...one, object: objectOf(one) })
    }
    if ((match = /^POST \/requests\/(.+)\/answer$/.exec(call))) {
      const one = w.requests.find((r) => r.id === match[1])
      Object.assign(one, { state: body.decision === 'release' ? 'answered' : 'declined' })
      return send(one)
    }
    if ((match = /^POST \/accords\/(.+)\/(suspend|resume)$/.exec(call))) {
      const [accord] = w.accords
      const stop = match[2] === 'suspend'
      if (stop && !body.reason) throw new Refusal(400, 'Reason missing', 'Give a reason; the partner will see it.')
      Object.assign(accord, {
        state: stop ? 'suspended' : 'in force',
        reason: stop ? 'Suspended by this node.' : 'Resumed.',
        suspended: stop ? { by: party, at: '2026-11-22T06:30:00Z', reason: body.reason } : null,
      })
      for (const partner of w.overview.partners) partner.state = accord.state
      return send(accord)
    }
    throw new Refusal(404, 'Not found', `There is no ${call}.`)
  }

  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${server.address().port}`
  const stop = () => new Promise((resolve) => {
    server.closeAllConnections()
    server.close(resolve)
  })
  /** changed tells the pages that something did; cut drops their lines. */
  const changed = () => followers.forEach((one) => one.write('event: changed\ndata:\n\n'))
  const cut = () => followers.forEach((one) => one.destroy())
  return { address, faults, stop, changed, cut, worldOf }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await start({ port: Number(process.argv[2] ?? 8300) })
  for (const name of ['north', 'south', 'guarantor']) console.log(`${address}/#token=${name}-1`)
}
