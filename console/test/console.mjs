// What tests of the built console share: one browser and one fixture server to a
// file, and a way to open a page signed in.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { audit, launch, listen, settle, visit } from './chromium.mjs'
import { start } from './fixture-server.mjs'

export const desk = { width: 1440, height: 900 }
export const phone = { width: 390, height: 844 }

const shots = process.env.SHOTS

/** keep takes a picture where SHOTS names a folder for them. */
export const keep = (page, name, whole = true) => shots && page.screenshot({ path: join(shots, `${name}.png`), fullPage: whole })

/** site has the browser and the server while the tests of a file run. */
export const site = {}

let tokens = 0

/** useConsole starts both for the file that calls it. */
export function useConsole() {
  before(async () => {
    if (shots) mkdirSync(shots, { recursive: true })
    site.browser = await launch()
    site.server = await start()
  })
  after(async () => {
    await site.browser?.close()
    await site.server?.stop()
  })
}

/** open signs in by a one-time link in a fresh browser profile; `as` is another role,
 * `hash` a page to go to. `done` looks the page over, `close` says that nothing went
 * wrong meanwhile. */
export async function open({ party = 'north', as = '', hash = '', language = 'en', theme = 'light', viewport = desk, expected, ...more } = {}) {
  const { browser, server } = site
  const context = await browser.newContext({ viewport, colorScheme: theme, timezoneId: 'Asia/Karachi', locale: 'en-GB', ...more })
  await context.addInitScript((tongue) => localStorage.getItem('parley.language') ?? localStorage.setItem('parley.language', tongue), language)
  const page = await context.newPage()
  const faults = listen(page, server.address, expected)
  await page.goto(`${server.address}/#token=${party}-${as ? `as-${as}-` : ''}t${++tokens}`)
  await settle(page)
  if (hash) await visit(page, hash)
  const done = async (name) => {
    await settle(page)
    await keep(page, name)
    assert.deepEqual(await audit(page), [], `axe on ${name}`)
  }
  const close = async () => {
    assert.deepEqual(faults, [])
    await context.close()
  }
  return { page, faults, done, close }
}
