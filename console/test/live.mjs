// Signs in to a running node by its one-time link, visits every page in every
// language and looks for what an officer needs to see there. Ends with status 1
// and one line for each thing that was not as it should be.
//
//   node test/live.mjs LINK [--no-item]
//
// PARLEY_LINK may hold the link instead. SHOTS=dir keeps pictures of the pages.
// --no-item: this node has received nothing (a witness), so none is asked for.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { audit, launch, listen, settle } from './chromium.mjs'

const link = process.argv.slice(2).find((a) => !a.startsWith('--')) ?? process.env.PARLEY_LINK
const wantsItem = !process.argv.includes('--no-item')
if (!link || !/#token=/.test(link)) {
  console.error('usage: node test/live.mjs LINK [--no-item]\nLINK is a node’s one-time link: http://127.0.0.1:PORT/#token=…')
  process.exit(2)
}
const origin = new URL(link).origin
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })

const wrong = []
let where = 'sign-in'
const check = (ok, message) => ok || wrong.push(`${where}: ${message}`)

const browser = await launch()
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true, locale: 'en-GB' })
  const page = await context.newPage()
  const faults = listen(page, origin)

  const response = await page.goto(link)
  const policy = response?.headers()['content-security-policy'] ?? ''
  check(policy.includes("default-src 'none'") && !policy.includes('unsafe'), `the content security policy is not strict: "${policy}"`)
  await page.locator('.shell').waitFor({ timeout: 30_000 }).catch(() => {})
  if (!(await page.locator('.shell').count())) {
    throw new Error(`the link did not sign in; the page says: ${(await page.innerText('body')).slice(0, 300)}`)
  }
  check(!page.url().includes('token'), 'the token is still in the address')
  const party = await page.innerText('.strip-name')
  check(party.trim() !== '', 'the party has no name')
  const name = party.trim().toLowerCase().replace(/\W+/g, '-')

  const visit = async (hash) => {
    await page.evaluate((to) => { location.hash = to }, hash)
    await page.waitForTimeout(150)
    await settle(page)
  }
  const keep = (label) => shots && page.screenshot({ path: join(shots, `${name}-${label}.png`), fullPage: true })
  const proper = async () => {
    for (const text of await page.locator('.problem').allInnerTexts()) check(false, `a problem is shown: ${text}`)
    for (const finding of await audit(page)) check(false, `axe: ${finding}`)
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    check(over <= 0, `scrolls sideways by ${over} px`)
  }
  const receipt = async (selector) => {
    const href = await page.locator(selector).first().getAttribute('href')
    const answer = await page.evaluate(async (address) => {
      const r = await fetch(address)
      return { status: r.status, size: (await r.arrayBuffer()).byteLength }
    }, href)
    check(answer.status === 200 && answer.size > 0, `the receipt ${href} answers ${answer.status} with ${answer.size} bytes`)
  }

  for (const language of ['en', 'ur']) {
    where = `language ${language}`
    await page.locator('select.language').selectOption(language)
    await page.waitForFunction((tongue) => document.documentElement.lang === tongue, language)

    where = `overview (${language})`
    await visit('#/overview')
    check((await page.locator('.partners > li').count()) > 0, 'no partner is listed')
    // A node that holds no incidents has nothing to draw, and must say so.
    const held = await page.evaluate(() => fetch('/api/v1/watch?horizon=4').then((r) => r.json()))
    const bars = (held.all?.counts ?? []).filter((n) => n > 0).length
    check((await page.locator('.card').count()) === held.areas.length, `the watch does not show its ${held.areas.length} areas`)
    check((await page.locator('.weeks .bar').count()) === bars, `the chart does not show its ${bars} weeks with reports`)
    check((await page.locator('.map-canvas').count()) === 1, 'there is no map')
    if (!held.areas.length) check((await page.locator('.watch-panel .empty').count()) === 1, 'an empty watch does not say “no data”')
    await proper()
    await keep(`overview-${language}`)

    where = `watch (${language})`
    await visit('#/watch')
    check((await page.locator('.card').count()) === held.areas.length, `the page of the watch does not show its ${held.areas.length} areas`)
    if (held.record?.length) check((await page.locator('section[aria-labelledby=record] .plot-dot').count()) > 0, 'the reliability plot is empty')
    await proper()
    await keep(`watch-${language}`)

    where = `fusion (${language})`
    await visit('#/fusion')
    const linked = await page.evaluate(() => fetch('/api/v1/fusion?limit=200').then((r) => r.json()))
    check((await page.locator('section[aria-labelledby=events] .fused > li').count()) === Math.min(20, linked.events.length), `the page does not show its ${linked.events.length} events`)
    await proper()
    await keep(`fusion-${language}`)

    where = `inbox (${language})`
    await visit('#/inbox')
    await keep(`inbox-${language}`)
    const items = await page.locator('.item').count()
    if (wantsItem) check(items > 0, 'no item was received')
    if (items) {
      const [label = ''] = await page.locator('.item .tlp').allInnerTexts()
      check(/^TLP:(RED|AMBER(\+STRICT)?|GREEN|CLEAR)$/.test(label), `the first item’s marking reads "${label}"`)
      await page.locator('.item').first().click()
      await page.locator('.sheet').waitFor({ timeout: 15_000 }).catch(() => check(false, 'the item does not open'))
      await settle(page)
      if (await page.locator('.sheet').count()) {
        check((await page.locator('.sheet .proof > li').count()) === 4, 'the item shows no proof of origin')
        check((await page.locator('.sheet .party').count()) > 0, 'the item does not say who sent it')
        await receipt('.sheet a[download]')
      }
      await keep(`item-${language}`)
    }
    await proper()

    where = `accords (${language})`
    await visit('#/accords')
    check((await page.locator('.accord').count()) === 1, 'no accord is shown')
    check((await page.locator('.fingerprint').count()) >= 2, 'members’ fingerprints are missing')
    check((await page.locator('.ladder tbody tr').count()) === 5, 'the ladder does not have five rungs')
    await proper()
    await keep(`accords-${language}`)

    where = `ledger (${language})`
    await visit('#/ledger')
    check((await page.locator('.logs > li').count()) > 0, 'no log is listed')
    if (wantsItem) check((await page.locator('tbody tr').count()) > 0, 'no event is listed')
    if (await page.locator('a.receipt').count()) await receipt('a.receipt')
    await proper()
    await keep(`ledger-${language}`)
    if (language === 'ur') {
      const nav = await page.locator('.nav').boundingBox()
      const main = await page.locator('main').boundingBox()
      check(nav.x > main.x, 'the layout does not run from right to left')
    }
  }

  where = 'sign-out'
  await page.locator('.strip .act').last().click() // the first locks
  await page.locator('.sign-in').waitFor({ timeout: 15_000 }).catch(() => check(false, 'the sign-in page does not come back'))
  where = 'browser'
  for (const fault of new Set(faults)) check(false, fault)
  if (!wrong.length) console.log(`console of ${party.trim()}: all pages as they should be`)
} catch (error) {
  wrong.push(`${where}: ${error.message}`)
} finally {
  await browser.close()
}
for (const line of wrong) console.error(line)
process.exit(wrong.length ? 1 : 0)
