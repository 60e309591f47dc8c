// The pages on which people work, in Chromium against the fixture server.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { audit, launch, listen, settle } from './chromium.mjs'
import { start } from './fixture-server.mjs'

const shots = process.env.SHOTS
let browser
let server
let tokens = 0

before(async () => {
  if (shots) mkdirSync(shots, { recursive: true })
  browser = await launch()
  server = await start()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const missing = (text) => text.includes('404')

/** at signs in and opens a page; `as` gives another role. */
async function at(hash, { party = 'north', as = '', language = 'en', expected } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Asia/Karachi', locale: 'en-GB' })
  await context.addInitScript((tongue) => localStorage.setItem('parley.language', tongue), language)
  const page = await context.newPage()
  const faults = listen(page, server.address, expected)
  await page.goto(`${server.address}/#token=${party}-${as ? `as-${as}-` : ''}w${++tokens}`)
  await settle(page)
  await page.evaluate((to) => { location.hash = to }, hash)
  await settle(page)
  const done = async (name) => {
    if (shots) await page.screenshot({ path: join(shots, `work-${name}.png`), fullPage: true })
    assert.deepEqual(await audit(page), [], `axe on ${name}`)
  }
  const close = async () => {
    assert.deepEqual(faults, [])
    await context.close()
  }
  return { page, done, close }
}

test('an object is released after both versions were seen, and followed until it is received', async () => {
  const { page, done, close } = await at('#/release')
  await done('release-empty')
  await page.getByRole('searchbox', { name: 'Find our objects' }).fill('bannu')
  await page.getByRole('checkbox', { name: /Vehicle at the Bannu depot/ }).check()
  const gate = page.getByRole('region', { name: 'What the gate decides' })
  await gate.getByText('Own rule: a human source is never named outside.').waitFor()
  assert.match(await gate.innerText(), /human source 12[\s\S]*What will leave/)
  assert.match(await page.locator('.compose-gate .recipients').innerText(), /South/)
  assert.match(page.url(), /objects=report--/, 'what is chosen is in the address')
  await done('release-gate')
  await page.reload()
  await gate.waitFor()
  await page.getByRole('button', { name: 'Release', exact: true }).click()
  await page.getByText('Released. It is on its way.').waitFor()
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('.gone').getByRole('link', { name: 'Download the receipt' }).click()])
  assert.match(file.suggestedFilename(), /receipt/)
  const row = page.locator('section[aria-labelledby=sent] tbody tr').first()
  await row.getByText('not confirmed yet').waitFor()
  await page.getByRole('button', { name: 'Next release' }).click()
  await page.reload()
  await row.getByText('received').waitFor()
  await row.getByRole('link', { name: 'Their receipt' }).waitFor()

  await row.getByRole('button', { name: 'Correct…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Own rule: a human source').waitFor()
  await page.waitForTimeout(200) // the dialog fades in
  await done('correct')
  await dialog.getByRole('button', { name: 'Send the correction' }).click()
  await row.getByText('corrected').waitFor()
  await row.getByRole('button', { name: 'Withdraw…' }).click()
  assert.equal(await dialog.getByRole('button', { name: 'Withdraw now' }).isDisabled(), true, 'a reason is needed')
  await dialog.getByRole('textbox').fill('Source at risk (fictional)')
  await page.waitForTimeout(200)
  await done('withdraw')
  await dialog.getByRole('button', { name: 'Withdraw now' }).click()
  await row.getByText('Source at risk (fictional)').waitFor()
  assert.equal(await row.getByRole('button').count(), 0, 'what is taken back cannot be taken back again')
  await done('release-sent')
  await close()
})

test('many are released at once, with a reason for each that stays', async () => {
  const { page, done, close } = await at('#/release', { language: 'en' })
  for (const box of await page.locator('.picks input').all()) await box.check()
  await page.getByText('2 would leave, 3 would wait for approval, 2 would stay.').waitFor()
  const table = page.getByRole('region', { name: 'What becomes of each object' })
  assert.match(await table.innerText(), /TLP:RED is for named persons only/)
  await done('release-many')
  await page.getByRole('button', { name: 'Release all that pass…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click()
  await page.getByText('2 left, 3 wait for approval, 2 stayed.').waitFor()
  await close()
})

test('a release waits for another person, who sees both versions first', async () => {
  const asker = await at('#/release')
  await asker.page.getByRole('checkbox', { name: /Subscriber and two calls/ }).check()
  await asker.page.getByText('One other person must approve it').waitFor()
  await asker.page.getByRole('button', { name: 'Ask for approval' }).click()
  const mine = asker.page.locator('.approval').first()
  await mine.getByText('Somebody else must approve').waitFor()
  assert.equal(await mine.getByRole('button', { name: 'Approve', exact: true }).count(), 0)
  await asker.done('approval-own')

  const other = await at('#/release', { as: 'approver' })
  const row = other.page.locator('.approval').first()
  await row.getByRole('button', { name: 'Both versions and every reason' }).click()
  await row.getByText('Own rule: a human source').waitFor()
  await other.done('approval')
  await row.getByRole('button', { name: 'Approve', exact: true }).click()
  await other.page.getByText('none waits').waitFor()
  await asker.close()
  await other.close()
})

test('a question is pasted, checked line by line, asked, and its hit requested', async () => {
  const { page, done, close } = await at('#/ask')
  const values = page.getByRole('textbox', { name: 'Values, one a line' })
  await values.fill('+92 300 1234567\n\n0092 300 1234567x\n12\n+92 301 7654321\n+92 (300) 1234567')
  const table = page.getByRole('region', { name: 'What each line would ask' })
  await table.getByText('the same as line 1').waitFor()
  assert.match(await table.locator('tbody tr').first().innerText(), /4[\s\S]*12[\s\S]*at least seven digits/, 'what is wrong stands first, with its line')
  await page.getByText('the quota leaves 100').waitFor()
  const act = page.getByRole('button', { name: 'Ask privately' })
  assert.equal(await act.isDisabled(), true, 'a case is needed')
  await page.getByRole('textbox', { name: 'Case reference' }).fill('K-2026-120')
  await done('ask')
  assert.ok(!page.url().includes('1234567'), 'values are not in the address')
  await page.reload()
  await table.waitFor()
  assert.match(await values.inputValue(), /7654321/, 'a reload loses nothing')
  await act.click()
  const card = page.locator('section[aria-labelledby=questions] .card-row').first()
  await card.getByText('1 hit').waitFor()
  await card.getByText('one in 4,294,967,296 values').waitFor()
  assert.equal(await values.inputValue(), '')
  await card.getByRole('button', { name: 'Request…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('With the request the value becomes known').waitFor()
  await dialog.getByRole('textbox').fill('Subscriber (fictional)')
  await page.waitForTimeout(200)
  await done('ask-request')
  await dialog.getByRole('button', { name: 'Send the request' }).click()
  await card.getByText('requested:').waitFor()
  await page.getByRole('region', { name: /Publications, questions/ }).getByText('K-2026-120').waitFor()

  await values.fill('+93 70 999 0000')
  await page.getByRole('button', { name: 'Keep as a standing question' }).click()
  const kept = page.locator('section[aria-labelledby=standing]')
  await kept.getByText('No hit so far.').waitFor()
  await done('ask-answered')
  await kept.getByRole('button', { name: 'Stop asking' }).click()
  await kept.getByText('stopped').waitFor()
  await close()
})

test('an object is found as one types, and shows its ties as a picture and a list', async () => {
  const { page, done, close } = await at('#/library', { expected: missing }) // notes that are not held
  const list = page.locator('.items')
  await page.getByRole('searchbox', { name: 'Search' }).fill('طورخم')
  await list.getByText('طورخم پر قافلہ').waitFor()
  await page.waitForFunction(() => document.querySelectorAll('.items li').length === 1)
  assert.match(page.url(), /q=/)
  await page.getByRole('searchbox', { name: 'Search' }).fill('subscriber')
  await list.getByRole('link', { name: /Subscriber and two calls/ }).click()
  const sheet = page.locator('.sheet')
  await sheet.getByText('12 of 17 shown').or(sheet.getByText(/12 .*17/)).first().waitFor()
  await sheet.locator('.graph canvas').first().waitFor()
  await sheet.getByText('2 versions').waitFor()
  assert.equal(await sheet.locator('.ties li').count(), 12, 'the picture starts small')
  await sheet.getByText('Vehicle at the Bannu depot').first().waitFor()
  await sheet.locator('.prose', { hasText: '<b>x</b>' }).waitFor()
  await done('library')
  await sheet.getByRole('button', { name: /^Show 5 more/ }).click()
  assert.equal(await sheet.locator('.ties li').count(), 17)
  await sheet.getByRole('radio', { name: 'Table' }).click()
  assert.equal(await sheet.locator('.graph').count(), 0)
  await sheet.locator('.ties').getByRole('link', { name: /Vehicle at the Bannu depot/ }).click()
  await page.getByRole('heading', { name: /Vehicle at the Bannu depot/ }).waitFor()
  await sheet.getByText('Nothing has left').waitFor()
  await page.getByRole('link', { name: 'Release it…' }).click()
  await page.getByText('Own rule: a human source').waitFor()
  await close()
})
