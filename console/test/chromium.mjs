// Starts Debian's Chromium and says clearly when there is none.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

export async function launch() {
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium'
  if (!existsSync(executablePath)) {
    console.error(
      `There is no Chromium at ${executablePath}, so the browser tests cannot run.\n` +
        'Install it ("apt-get install chromium") or point CHROMIUM at one.',
    )
    process.exit(1)
  }
  return chromium.launch({
    executablePath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  })
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** audit runs axe over the page and returns its violations, one line each. */
export async function audit(page) {
  // The debugger's evaluation is not subject to the page's policy.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeSource)
  // The violations alone leave the page, and no nodes of what is as it should be are
  // described: these two took most of the time.
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return found.violations
  })
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary?.split('\n')[1]?.trim() ?? v.help}`))
}

/** listen collects what must not happen on a page: errors, and requests that
 * leave its origin. `expected` turns away what a test provokes itself. */
export function listen(page, origin, expected = () => false) {
  const seen = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !expected(message.text())) seen.push(`console ${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => seen.push(`page error: ${error.message}`))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(origin) && !url.startsWith('data:') && !url.startsWith('blob:')) seen.push(`request outside: ${url}`)
  })
  return seen
}

/** settle waits until nothing on the page is loading or moving any more. */
export async function settle(page) {
  await page.waitForFunction(() => document.querySelector('#root > *') && !document.querySelector('.loading'), null, { timeout: 20_000 })
  await page.evaluate(async () => {
    await document.fonts.ready
    const ends = (a) => a.effect?.getComputedTiming().endTime !== Infinity
    await Promise.all(document.getAnimations().filter(ends).map((a) => a.finished.catch(() => {})))
  })
  await frames(page)
}

/** frames waits for two drawings: what was changed is on the screen then. */
const frames = (page) => page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))

/** visit goes to another page of the console. */
export async function visit(page, hash) {
  await page.evaluate((to) => { location.hash = to }, hash)
  await frames(page)
  await settle(page)
}
