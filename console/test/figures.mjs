// Measures what the console promises, in Chromium against the fixture server: how soon
// the first list and the first table stand on a poor line, how much script that takes,
// and how long the page takes to answer with a hundred thousand reports.
//
//   node test/figures.mjs [SLOWDOWN]    the processor slowed down so many times, default 1
import { loadavg } from 'node:os'
import { launch, settle } from './chromium.mjs'
import { makeIncidents } from './fixtures.mjs'
import { start } from './fixture-server.mjs'

const slowdown = Number(process.argv[2] ?? 1)
const browser = await launch()
const server = await start()
const say = (what, got, goal) => console.log(`${what.padEnd(64)} ${got.padStart(12)}   ${goal}`)
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
const kB = (n) => `${(n / 1000).toFixed(1)} kB`
const ms = (n) => `${n.toFixed(0)} ms`

async function signedIn(viewport = { width: 1440, height: 900 }) {
  const context = await browser.newContext({ viewport, locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto(`${server.address}/#token=north-f${Math.random().toString(36).slice(2)}`)
  await settle(page)
  return { context, page }
}

/** onPoorLine opens a page at 400 kbit/s with 400 ms to each answer. `warm` keeps what
 * was fetched before. */
async function onPoorLine(hash, what, warm) {
  const { context } = await signedIn()
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  await cdp.send('Network.enable')
  if (!warm) await cdp.send('Network.clearBrowserCache')
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 })
  const began = performance.now()
  await page.goto(`${server.address}/${hash}`, { waitUntil: 'commit' })
  await page.locator(what).first().waitFor({ timeout: 60_000 })
  const took = performance.now() - began
  const script = await page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\.js$/.test(r.name)).reduce((sum, r) => sum + r.encodedBodySize, 0))
  await context.close()
  return { took, script }
}

const spread = (found) => `${found.map((f) => (f.took / 1000).toFixed(2)).sort().join(' ')} s`
async function thrice(hash, what, warm) {
  const found = []
  for (let i = 0; i < 3; i++) found.push(await onPoorLine(hash, what, warm))
  return found
}

try {
  console.log(`load ${loadavg().map((l) => l.toFixed(1)).join(' ')}, processor slowed down ${slowdown} ×, software drawing`)
  const cold = await thrice('#/ledger', 'tbody tr', false)
  say('first table, nothing kept, 400 kbit/s and 400 ms', spread(cold), 'goal 3 s')
  say('  script until then, brotli', kB(median(cold.map((f) => f.script))), '')
  const warm = await thrice('#/ledger', 'tbody tr', true)
  say('first table, opened before', spread(warm), 'goal 3 s')
  const list = await thrice('#/overview', '.waiting', false)
  say('first list of the overview, nothing kept', spread(list), '')

  const world = server.worldOf('north')
  world.many = makeIncidents(100_000)
  world.overview.counts.incidents = 100_000
  world.overview.data.from = world.many.at(-1).date
  const { context, page } = await signedIn()
  const cdp = await context.newCDPSession(page)
  const opened = performance.now()
  await page.evaluate(() => { location.hash = '#/situation?span=all' })
  await page.locator('.sit-row').first().waitFor({ timeout: 120_000 })
  await settle(page)
  say('100,000 reports: opened, on this machine', ms(performance.now() - opened), '')
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
  // From the event to the next picture: what a hand feels (Event Timing's duration).
  await page.evaluate(() => {
    globalThis.long_ = []
    globalThis.felt = (act) => new Promise((done) => {
      const began = performance.now()
      act()
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)))
    })
  })
  const felt = async (name, act, n = 9) => {
    const took = []
    for (let i = 0; i < n; i++) {
      took.push(await page.evaluate(async ([source, i]) => globalThis.felt(() => new Function('i', source)(i)), [act, i]).catch(() => NaN))
      await settle(page)
    }
    const sorted = took.sort((a, b) => a - b)
    say(`100,000 reports: ${name}`, `${ms(median(sorted))}`, `worst ${ms(sorted.at(-1))}, goal 100 ms`)
  }
  const choose = (label, values) => `
    const box = [...document.querySelectorAll('.sit-filter select')][${label}]
    const set = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set
    set.call(box, ${JSON.stringify(values)}[i % ${values.length}])
    box.dispatchEvent(new Event('change', { bubbles: true }))`
  await felt('an area is chosen or let go', choose(0, ['Khost', '', 'Balochistan']))
  await felt('a grading is chosen or let go', choose(5, ['B', '', 'C3']))
  await page.evaluate(() => document.querySelector('.sit-bars').scrollIntoView({ block: 'center' }))
  await felt('the next bar of the timeline is read', `
    const box = document.querySelector('.sit-bars'); box.focus()
    box.dispatchEvent(new KeyboardEvent('keydown', { key: i ? 'ArrowLeft' : 'End', bubbles: true }))`)
  await felt('days are chosen', `
    const box = document.querySelector('.sit-bars'); box.focus()
    box.dispatchEvent(new KeyboardEvent('keydown', { key: i % 2 ? 'Escape' : 'Enter', bubbles: true }))
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }))`)
  await felt('the map is moved', `
    const box = document.querySelector('.map-box')
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))`)
  await felt('the map is zoomed', `
    const box = document.querySelector('.map-box')
    box.dispatchEvent(new KeyboardEvent('keydown', { key: i < 4 ? '+' : '-', bubbles: true }))`)
  await felt('the table is scrolled to another place', `
    const box = document.querySelector('.sit-rows'); box.scrollTop = box.scrollHeight * ((i * 37 % 100) / 100)`)
  await context.close()
} finally {
  await browser.close()
  await server.stop()
}
