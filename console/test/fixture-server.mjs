// Serves the built console as a node would, with made-up answers: the content
// security policy, brotli, the session cookie and the API's shapes are the same.
//
//   node test/fixture-server.mjs [port]      then open the links it prints
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { work } from './fixture-work.mjs'
import { diversification, incidents, objectOf, plan, world } from './fixtures.mjs'

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist')
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
  '.json': 'application/json', '.woff2': 'font/woff2',
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
  const worldOf = (name) => (worlds[name] ??= structuredClone(world(name)))

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
    const [, party, role] = /parley=([a-z]+)-?([a-z]*)/.exec(request.headers.cookie ?? '') ?? []
    if (call === 'POST /session') {
      const [, name, as] = /^(north|south|guarantor)-(?:\w+|as-(auditor|approver|analyst|operator)-\w+)$/.exec(body.token) ?? []
      if (!name || spent.has(body.token)) throw new Refusal(401, 'Unauthorized', 'This link was used or has expired.')
      spent.add(body.token)
      response.setHeader('Set-Cookie', `parley=${name}${as ? `-${as}` : ''}; HttpOnly; SameSite=Strict; Path=/`)
      return send(seen(worldOf(name).session, as))
    }
    if (!party) throw new Refusal(401, 'Unauthorized', 'Sign in first.')
    const w = worldOf(party)
    if (call === 'GET /session') return send(seen(w.session, role))
    if (call === 'DELETE /session') {
      response.writeHead(204, { 'Set-Cookie': 'parley=; Max-Age=0; Path=/' })
      return response.end()
    }
    if (role === 'auditor' && !/\/(accords|ledger)/.test(call)) throw new Refusal(403, 'Forbidden', 'Your role, auditor, may not do this.')
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
    if (call === 'GET /incidents') {
      const from = url.searchParams.get('from') ?? ''
      const found = incidents.filter((i) => i.date >= from)
      return send({ incidents: found, total: found.length })
    }
    if (call === 'GET /inbox') return send({ items: w.inbox })
    if (call === 'GET /requests') return send({ requests: w.requests })
    if (call === 'GET /accords') return send({ accords: w.accords })
    if (call === 'GET /ledger') return send(w.ledger)
    if (call === 'GET /ledger/receipt') {
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment; filename="receipt.parley"' })
      return response.end('receipt of a fictional world')
    }
    const worked = work(call, body, url, w, by)
    if (worked !== undefined) return send(worked)
    let match
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
  return { address, faults, stop }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await start({ port: Number(process.argv[2] ?? 8300) })
  for (const name of ['north', 'south', 'guarantor']) console.log(`${address}/#token=${name}-1`)
}
