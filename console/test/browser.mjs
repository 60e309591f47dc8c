// Drives the built console in Chromium against the fixture server, under the
// node's content security policy: every page in every language, light and dark,
// on a desk and on a phone; then the things that people do.
//
//   node test/browser.mjs            SHOTS=dir keeps a picture of every page
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { audit, listen, settle, visit } from './chromium.mjs'
import { desk, keep, open, phone, site, useConsole } from './console.mjs'
import { incidents } from './fixtures.mjs'

const pages = ['overview', 'situation', 'watch', 'fusion', 'inbox', 'library', 'release', 'ask', 'deconflict', 'operations', 'accords', 'ledger', 'me']

useConsole()

const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

// Each language once, each pair of theme and device once.
const settings = [['en', 'light', 'desk', desk], ['ur', 'dark', 'phone', phone], ['ps', 'dark', 'desk', desk], ['prs', 'light', 'phone', phone]]
for (const [language, theme, device, viewport] of settings) {
  test(`every page: ${language}, ${theme}, ${device}`, async () => {
    const fonts = []
    const { page, close } = await open({ as: 'operator', language, theme, viewport })
    page.on('request', (r) => r.url().endsWith('.woff2') && fonts.push(r.url()))
    assert.equal(await page.getAttribute('html', 'lang'), language)
    assert.equal(await page.getAttribute('html', 'dir'), language === 'en' ? 'ltr' : 'rtl')
    const item = encodeURIComponent((await page.evaluate(() => fetch('/api/v1/inbox').then((r) => r.json()))).items[0].id)
    const views = [...pages, 'oversight', 'admin', 'operations/exercise-0a1b2c3d4e5f', `inbox/${item}`, 'overview?map-as=table&weeks-as=table', `situation?incident=${incidents[2].id}&play=2026-06-01`, 'watch?record-as=table&by=class', `overview?incident=${incidents[1].id}`]
    for (const view of views) {
      await visit(page, `#/${view}`)
      const name = view.replace(/\?incident.*/, '-chosen').replace(/\?.*/, '-tables').replace(/\/.*/, '-item')
      await keep(page, `${name}-${language}-${theme}-${device}`)
      assert.deepEqual(await audit(page), [], `axe on ${name}`)
      assert.ok((await overflow(page)) <= 0, `${name} scrolls sideways by ${await overflow(page)} px`)
      assert.ok(await page.isVisible('h1'), `${name} has a heading`)
      // Links inside a sentence are exempt (WCAG 2.5.8).
      const small = await page.$$eval('button, select, nav a, a.act, a.receipt, a.item, a.waiting-item', (all) =>
        all.filter((e) => e.getClientRects().length && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 80)))
      assert.deepEqual(small, [], `targets on ${name} are at least 24 pixels high`)
    }
    if (language === 'en') assert.deepEqual(fonts, [], 'fonts are fetched by the languages that need them only')
    await close()
  })
}

test('the three nodes are told apart by name, emblem and colour', async () => {
  const seen = []
  for (const party of ['north', 'south', 'guarantor']) {
    const { page, close } = await open({ party })
    seen.push(await page.evaluate(() => ({
      name: document.querySelector('.strip-name').textContent,
      shape: document.querySelector('.strip .emblem path').getAttribute('d'),
      colour: getComputedStyle(document.querySelector('.strip')).backgroundColor,
      band: getComputedStyle(document.querySelector('.band')).backgroundImage,
      icon: document.querySelector('link[rel=icon]').getAttribute('href'),
    })))
    await keep(page, `node-${party}`, false)
    assert.deepEqual(await audit(page), [])
    assert.ok(await page.getByText('Fictional world:').isVisible())
    await close()
  }
  for (const sign of ['name', 'shape', 'colour', 'band', 'icon']) {
    assert.equal(new Set(seen.map((s) => s[sign])).size, 3, `${sign} differs between all three`)
  }
})

test('a one-time link signs in once and leaves no trace in the address', async () => {
  const unauthorised = (text) => text.includes('401')
  const context = await site.browser.newContext({ viewport: desk })
  const page = await context.newPage()
  const faults = listen(page, site.server.address, unauthorised)
  await page.goto(`${site.server.address}/`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual(await audit(page), [])
  await keep(page, 'sign-in')
  // Opened in the window that is already there.
  await page.evaluate(() => { location.hash = '#token=north-once' })
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  assert.ok(!page.url().includes('token'), page.url())
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  // A second time it is spent, and the page says what to do.
  const link = page.getByRole('textbox', { name: 'One-time link' })
  const submit = page.locator('form', { has: link }).getByRole('button', { name: 'Sign in' })
  await page.getByRole('button', { name: 'By one-time link' }).click()
  await link.fill(`${site.server.address}/#token=north-once`)
  await submit.click()
  await page.getByText('used already or has expired').waitFor()
  assert.deepEqual(await audit(page), [])
  await link.fill(`${site.server.address}/#token=north-twice`)
  await link.press('Enter')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  assert.deepEqual(faults, [])
  await context.close()
})

test('Urdu runs from right to left, in the whole layout', async () => {
  const { page, close } = await open({ language: 'en' })
  const box = (selector) => page.locator(selector).first().boundingBox()
  assert.ok((await box('.nav')).x < (await box('main')).x, 'English: navigation to the left')
  await page.getByRole('combobox', { name: 'Language' }).selectOption('ur')
  await page.waitForFunction(() => document.documentElement.dir === 'rtl')
  await settle(page)
  assert.ok((await box('.nav')).x > (await box('main')).x, 'Urdu: navigation to the right')
  assert.ok((await box('.strip-party')).x > (await box('.strip-tools')).x, 'Urdu: party to the right')
  assert.ok((await box('.waiting-panel')).x > (await box('section[aria-labelledby=partners]')).x)
  const bars = await page.$$eval('.weeks .bar', (all) => all.map((b) => b.getBoundingClientRect().x))
  assert.ok(bars[0] > bars.at(-1), 'Urdu: time runs from the right')
  // Urdu, not English in Urdu's clothes: no plain Latin word among the console's own.
  assert.match(await page.innerText('.nav ul'), /جائزہ[\s\S]*نگرانی[\s\S]*یکجائی[\s\S]*موصولات[\s\S]*ذخیرہ[\s\S]*اجرا[\s\S]*پوچھیں[\s\S]*تصادم سے بچاؤ[\s\S]*معاہدے[\s\S]*کھاتہ/)
  assert.ok(await page.evaluate(() => document.fonts.check('16px Vazirmatn', 'ا') && document.fonts.check('600 16px "Noto Nastaliq Urdu"', 'ا')))
  await page.reload()
  await settle(page)
  assert.equal(await page.getAttribute('html', 'dir'), 'rtl', 'the choice is remembered')
  await close()
})

test('everything is reached by keyboard', async () => {
  const { page, close } = await open()
  const focus = () => page.evaluate(() => {
    const e = document.activeElement
    const style = getComputedStyle(e)
    return { text: e.textContent.trim().slice(0, 40), label: e.getAttribute('aria-label'), id: e.id, ring: style.outlineStyle !== 'none' && style.outlineWidth }
  })
  await page.keyboard.press('Tab')
  assert.match((await focus()).text, /^Skip to content/)
  await page.keyboard.press('Enter')
  assert.equal((await focus()).id, 'main')
  assert.ok(!page.url().includes('#main'), 'skipping leaves the address alone')
  await page.keyboard.press('Tab')
  assert.match((await focus()).text, /^Khost: reports doubled/)
  assert.ok((await focus()).ring, 'focus is visible')

  // To the map by Tab alone; then move, zoom, and open what is in the middle.
  for (let i = 0; i < 40 && (await focus()).label?.startsWith('Map of') !== true; i++) {
    await page.keyboard.press('Tab')
    const now = await focus()
    assert.ok(now.ring, `focus is visible on ${now.label ?? now.text}`)
  }
  assert.match((await focus()).label ?? '', /^Map of [\d,]+ reports/)
  const before = await page.locator('.map-canvas').screenshot()
  for (const key of ['+', '+', 'ArrowUp', 'ArrowRight']) await page.keyboard.press(key)
  await page.waitForFunction(() => location.hash.includes('map='))
  assert.notDeepEqual(await page.locator('.map-canvas').screenshot(), before)
  for (let i = 0; i < 12 && !page.url().includes('incident='); i++) {
    await page.keyboard.press('Enter')
    await settle(page)
  }
  assert.match(page.url(), /incident=/, 'Enter comes down to single reports')
  await page.getByRole('region', { name: 'Reports at the chosen spot' }).waitFor()

  // The chart reads single weeks.
  await page.locator('.weeks-box').focus()
  await page.keyboard.press('End')
  await page.getByText(/^Week of/).first().waitFor()
  await page.keyboard.press('ArrowLeft')

  // The view is in the address: a reload shows the same.
  const address = page.url()
  await page.reload()
  await settle(page)
  assert.equal(page.url(), address)
  await page.getByRole('region', { name: 'Reports at the chosen spot' }).waitFor()
  await close()
})

test('one filter leads map, chart and table', async () => {
  const { page, close } = await open()
  await page.getByRole('combobox', { name: 'Area' }).selectOption('Sindh')
  await page.getByText(/quiet weeks since/).first().waitFor()
  await page.getByText('which is not a sign of safety').first().waitFor()
  assert.match(page.url(), /area=Sindh/)
  const inMap = page.locator('section[aria-labelledby=map]')
  await inMap.getByRole('radio', { name: 'Table' }).click()
  const areas = await inMap.locator('tbody tr td:nth-child(3)').allInnerTexts()
  assert.ok(areas.length > 0 && areas.every((text) => text.includes('Sindh')), areas.join())
  await keep(page, 'filtered')
  // No data is said, and never drawn as a small probability.
  const unknown = page.locator('.card', { hasText: 'Nimruz' })
  assert.match(await unknown.innerText(), /No data/)
  assert.equal(await unknown.locator('.scale, .odds-p').count(), 0)
  await page.getByRole('combobox', { name: 'Area' }).selectOption('Nimruz')
  await page.locator('.weeks').waitFor()
  assert.equal(await page.locator('.weeks .bar, .weeks .zero').count(), 0, 'weeks without data are neither bars nor zeros')
  assert.deepEqual(await audit(page), [])
  await close()
})

test('the watch shows its record, and a person judges an alarm', async () => {
  const { page, close } = await open()
  await visit(page, '#/watch')
  await page.getByRole('img', { name: /^Reliability: 10 groups/ }).waitFor()
  await page.getByText('less error (Brier)').first().waitFor()
  const record = page.locator('section[aria-labelledby=record]')
  await record.getByRole('radio', { name: 'Table' }).click()
  assert.equal(await record.getByRole('region', { name: 'Table of what was said and what came' }).locator('tbody tr').count(), 10)
  assert.match(page.url(), /record-as=table/)
  assert.match(await page.locator('.card', { hasText: 'Nimruz' }).innerText(), /No data/)

  const alarms = page.locator('section[aria-labelledby=onsets]')
  const khost = alarms.locator('li', { hasText: 'Khost' })
  assert.match(await khost.innerText(), /confirmed[\s\S]*0 0 1 0 0 2 3 4[\s\S]*0.42 a week/)
  assert.match(await alarms.locator('li', { hasText: 'Sindh' }).innerText(), /dismissed[\s\S]*Two reports of one event/)
  assert.match(await alarms.innerText(), /12%\u2069 were right/)
  await khost.getByRole('button', { name: 'Dismiss…' }).click()
  const dialog = page.getByRole('dialog')
  assert.equal(await dialog.getByRole('button', { name: 'Dismiss' }).isDisabled(), true, 'a reason is needed')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await khost.getByRole('button', { name: 'Escalate…' }).click()
  assert.equal(await dialog.getByRole('button', { name: 'Escalate' }).isDisabled(), true, 'say what it is')
  await dialog.getByRole('combobox', { name: 'What it is' }).selectOption('Exercise')
  await dialog.getByRole('textbox').fill('Send two units (fictional)')
  await settle(page)
  assert.deepEqual(await audit(page), [])
  await keep(page, 'escalate', false)
  await dialog.getByRole('button', { name: 'Escalate' }).click()
  await dialog.waitFor({ state: 'detached' })
  await khost.getByText('escalated').waitFor()

  // What attention rests on, and a plan with its price.
  await page.getByText('Fixation index').waitFor()
  await page.getByText('Who read what is not kept').waitFor()
  await page.getByText('7 attacks are too few').waitFor()
  const coverage = page.locator('section[aria-labelledby=coverage]')
  await coverage.getByText('No plan yet').waitFor()
  await coverage.getByRole('combobox', { name: 'How' }).selectOption('origami')
  await coverage.getByRole('button', { name: 'Make a plan' }).click()
  await coverage.getByRole('img', { name: /^Trade-off of 12 choices/ }).waitFor()
  await coverage.getByRole('radio', { name: 'Table' }).click()
  assert.equal(await coverage.getByRole('region', { name: 'What each choice costs' }).locator('tbody tr').count(), 12)
  await settle(page)
  assert.deepEqual(await audit(page), [])
  await keep(page, 'watch-plan')
  await close()
})

test('reports of one event stand side by side, and a person confirms, splits and undoes', async () => {
  const { page, close } = await open()
  await visit(page, '#/fusion')
  const first = page.locator('.fused > li', { hasText: 'proposed' }).first()
  assert.match(await first.innerText(), /Bomb at the mill[\s\S]*this node[\s\S]*<b>x<\/b>[\s\S]*South/, 'markup of others is text')
  assert.match(await first.getByRole('region', { name: 'Table of what the reports of event 1 say' }).innerText(), /killed[\s\S]*3[\s\S]*this node[\s\S]*4[\s\S]*South[\s\S]*named organisation/)
  assert.doesNotMatch(await first.innerText(), /wounded/, 'what agrees is not repeated')
  await first.getByRole('button', { name: 'What speaks for and against it' }).click()
  assert.match(await first.innerText(), /names alike[\s\S]*\+4.6/)
  const pair = page.locator('.fused > li').first()
  const dialog = page.getByRole('dialog')
  for (const [act, says] of [['Confirm', 'confirmed'], ['Undo', 'proposed'], ['Split', 'two events']]) {
    await pair.getByRole('button', { name: `${act}…` }).click()
    await dialog.getByRole('textbox').fill(`${act} (fictional)`)
    await settle(page)
    assert.deepEqual(await audit(page), [])
    await dialog.getByRole('button', { name: act }).click()
    await dialog.waitFor({ state: 'detached' })
    await pair.locator('.state', { hasText: says }).waitFor()
  }
  await page.getByRole('combobox', { name: 'Show' }).selectOption('confirmed')
  assert.equal(await page.locator('section[aria-labelledby=events] .fused > li').count(), 1)
  assert.deepEqual(await audit(page), [])
  await close()
})

test('an item shows its marking, grading, proof and what was withheld, and no markup of the sender', async () => {
  const { page, close } = await open()
  await visit(page, '#/inbox')
  await page.getByRole('link', { name: /Movement of explosives/ }).click()
  const sheet = page.locator('.sheet')
  await sheet.waitFor()
  const text = await sheet.innerText()
  for (const part of ['TLP:AMBER', 'usually reliable source · probably true', 'entry 5', 'Co-signed by', 'Guarantor', 'place coarsened to 25 km', 'Torkham crossing'])
    assert.ok(text.includes(part), `the sheet says “${part}”`)
  assert.equal(await sheet.locator('pre').isVisible(), false, 'raw STIX is folded')
  await sheet.getByRole('button', { name: 'Raw STIX' }).click()
  assert.match(await sheet.locator('pre').innerText(), /"spec_version": "2.1"/)
  const [download] = await Promise.all([page.waitForEvent('download'), sheet.getByRole('link', { name: 'Download the receipt' }).click()])
  assert.match(download.suggestedFilename(), /receipt/)
  assert.equal(await page.locator('main img').count(), 0)
  assert.ok(await page.getByText('<img src=x onerror=alert(1)>').isVisible(), 'markup is shown as text')
  await close()
})

test('a request is answered through the gate', async () => {
  const { page, close } = await open({ party: 'south' })
  await visit(page, '#/inbox')
  await page.getByRole('button', { name: 'Review and release…' }).click()
  const dialog = page.getByRole('dialog')
  const act = dialog.getByRole('button', { name: 'Release' })
  assert.equal(await act.isDisabled(), true, 'nothing is chosen, nothing can leave')
  await dialog.getByText('Subscriber and two calls').click()
  await dialog.getByText('Own rule: a human source is never named outside.').waitFor()
  assert.match(await dialog.locator('.gate-side').first().innerText(), /human source 12/)
  assert.doesNotMatch(await dialog.locator('.gate-side').last().innerText(), /human source/)
  await settle(page)
  assert.deepEqual(await audit(page), [])
  await keep(page, 'answer', false)
  await act.click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('none waits for your answer').waitFor()
  await close()
})

test('suspending asks for a reason and takes effect at once; resuming undoes it', async () => {
  const provoked = (text) => text.includes('409')
  const { page, close } = await open({ expected: provoked })
  await visit(page, '#/accords')
  await page.getByRole('button', { name: 'Suspend…' }).click()
  const dialog = page.getByRole('dialog')
  const act = dialog.getByRole('button', { name: 'Suspend now' })
  assert.equal(await act.isDisabled(), true)
  await page.keyboard.type('Leak under inquiry (fictional)')
  assert.deepEqual(await audit(page), [])
  await keep(page, 'suspend', false)
  // A refusal keeps the dialog and what was written.
  const { id } = (await page.evaluate(() => fetch('/api/v1/accords').then((r) => r.json()))).accords[0]
  site.server.faults.set(`POST /accords/${id}/suspend`, 409)
  await act.click()
  await dialog.getByRole('alert').waitFor()
  site.server.faults.clear()
  assert.equal(await dialog.getByRole('textbox').inputValue(), 'Leak under inquiry (fictional)')
  await act.click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('Nothing is released under it until it is resumed.').waitFor()
  await page.getByText('Leak under inquiry (fictional)').waitFor()
  await keep(page, 'suspended')
  assert.deepEqual(await audit(page), [])
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click()
  await page.getByText('exchange is running').waitFor()
  await close()
})

test('a witness sees the accord and the logs, and has nothing to suspend', async () => {
  const { page, close } = await open({ party: 'guarantor' })
  await visit(page, '#/accords')
  assert.equal(await page.getByRole('button', { name: 'Suspend…' }).count(), 0)
  await visit(page, '#/inbox')
  await page.getByText('Nothing was received yet').waitFor()
  await visit(page, '#/ledger')
  assert.ok((await page.locator('tbody tr').count()) > 10)
  await close()
})

test('an amendment is drafted with its differences, survives a reload, and is offered', async () => {
  const { page, close } = await open({ party: 'south' })
  await visit(page, '#/accords')
  await page.getByText('The node proposes to raise').waitFor()
  const account = page.locator('section[aria-labelledby=account]')
  assert.equal(await account.locator('.account-bars > li').count(), 12)
  await account.getByRole('radio', { name: 'Table' }).click()
  assert.match(await account.locator('tbody').innerText(), /Days suspended\s+0\s+6.5/)
  await page.getByRole('button', { name: 'Draft an amendment' }).click()
  await page.getByText('Nothing changes.').waitFor()
  await page.getByRole('spinbutton', { name: 'Retention (days)' }).fill('30')
  await page.getByRole('textbox', { name: 'Title' }).fill('Shorter keeping (fictional)')
  const table = page.locator('section[aria-labelledby=differences]')
  assert.match(await table.innerText(), /Retention \(days\)\s+\d+\s+30/)
  await page.getByRole('button', { name: 'Save the draft' }).click()
  await page.getByText('Saved. Nobody else has seen it.').waitFor()
  assert.deepEqual(await audit(page), [])
  await keep(page, 'accord-draft')
  await page.getByRole('textbox', { name: 'Title' }).fill('Shorter keeping, again')
  await page.reload()
  await settle(page)
  await page.getByRole('button', { name: 'Edit' }).click()
  assert.equal(await page.getByRole('textbox', { name: 'Title' }).inputValue(), 'Shorter keeping, again', 'what was not saved is still there')
  await page.getByRole('button', { name: 'Sign and offer…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign and offer' }).click()
  await page.getByRole('heading', { name: 'Shorter keeping, again' }).waitFor()
  await page.getByRole('button', { name: 'Show as QR code' }).click()
  assert.ok(await page.getByRole('img', { name: /QR code/ }).isVisible())
  assert.match(await page.getByRole('link', { name: 'Download our card' }).getAttribute('download'), /south\.card\.txt/)
  await close()
})

test('a receipt is checked in the browser, step by step, from the node and from a file', async () => {
  const { page, close } = await open()
  await visit(page, '#/ledger')
  await page.getByRole('searchbox', { name: 'Search' }).fill('suspen')
  await page.waitForURL(/q=suspen/)
  await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].every((row) => /suspen/i.test(row.innerText)))
  await page.getByRole('searchbox', { name: 'Search' }).fill('')
  await page.getByRole('button', { name: 'Verify entry 1 of North' }).click()
  await page.getByText('All steps hold').waitFor()
  assert.equal(await page.locator('.proof-panel .steps li').count(), 8)
  assert.deepEqual(await audit(page), [])
  await keep(page, 'ledger-proof')
  // The node gives out a true receipt of another entry.
  await page.getByRole('button', { name: 'Verify entry 2 of North' }).click()
  await page.getByText('not of the entry asked for').waitFor()
  assert.equal(await page.getByText('All steps hold').count(), 0)
  await page.getByRole('button', { name: 'Close' }).click()

  const good = readFileSync(join(import.meta.dirname, '../../testdata/protocol/receipt.txt'), 'utf8')
  const file = page.locator('input[type=file]')
  await file.setInputFiles({ name: 'receipt.txt', mimeType: 'text/plain', buffer: Buffer.from(good.replace('"reason":"two"', '"reason":"won"')) })
  await page.getByText('proves nothing').waitFor()
  await page.getByText('the entry is not what the log committed to').waitFor()
  await page.getByText('No alarm').waitFor()
  await close()
})

test('an operator lets people in, rehearses a restore and tries a policy', async () => {
  const { page, close } = await open({ as: 'operator' })
  await visit(page, '#/admin')
  // What needs somebody comes first, with what to do.
  assert.match(await page.locator('section[aria-labelledby=health] li').first().innerText(), /needs you[\s\S]*feed ministry[\s\S]*What to do: correct the feed/)
  const people = page.locator('section[aria-labelledby=people]')
  await people.getByLabel('Name').fill('New analyst (fictional)')
  await people.getByLabel('Role').selectOption('analyst')
  await people.getByRole('button', { name: 'Add and make a one-time link' }).click()
  await people.getByText('It is shown now only').waitFor()
  assert.match(await people.locator('code').innerText(), /#token=/)
  await people.locator('li', { hasText: 'New analyst' }).getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await people.locator('li', { hasText: 'New analyst' }).waitFor({ state: 'detached' })

  await page.getByText('A restore was never rehearsed').waitFor()
  await page.getByRole('button', { name: 'Rehearse a restore now' }).click()
  await page.getByText('The last rehearsed restore worked').waitFor()

  const policy = page.locator('section[aria-labelledby=policy]')
  const rules = policy.getByRole('textbox')
  await rules.fill('@id("base") permit(principal, action, resource);\n@id("young") forbid(principal, action, resource);\n')
  assert.equal(await policy.getByRole('button', { name: 'Put it in force' }).isDisabled(), true, 'not before it was tried')
  await policy.getByRole('button', { name: 'Try it' }).click()
  await policy.getByText('12 decisions: 0 would release more, 1 less, 11 the same.').waitFor()
  assert.match(await policy.locator('tbody').innerText(), /Device found[\s\S]*south[\s\S]*tearline[\s\S]*withhold/)
  assert.deepEqual(await audit(page), [])
  await keep(page, 'admin-tried')
  await policy.getByRole('button', { name: 'Put it in force' }).click()
  await policy.getByText('In force from the next decision on').waitFor()
  assert.match(await rules.inputValue(), /young/)

  await visit(page, '#/oversight')
  await page.getByText('Every log is sound').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.locator('section[aria-labelledby=export]').getByLabel('From').fill('2026-11-01')
  assert.match(await page.getByRole('link', { name: 'Download everything (ZIP)' }).getAttribute('href'), /oversight\/export\?from=2026-11-01/)
  assert.match(await page.locator('section[aria-labelledby=matching] tbody').innerText(), /K-2026-114/)
  await close()
})

test('an auditor sees that things happened, not what they were', async () => {
  const { page, close } = await open({ as: 'auditor' })
  await page.getByRole('heading', { name: 'Ledger', level: 1 }).waitFor()
  assert.deepEqual((await page.locator('.nav a').allInnerTexts()).map((t) => t.trim()), ['Ledger', 'Accords', 'Oversight'])
  await visit(page, '#/admin')
  assert.equal(await page.getByRole('heading', { name: 'Administration' }).count(), 0)
  await visit(page, '#/overview')
  assert.equal(await page.locator('.problem').count(), 0)
  await page.getByRole('heading', { name: 'Ledger', level: 1 }).waitFor()
  assert.deepEqual(await audit(page), [])
  await close()
})

test('errors say what to do, and an old answer stays on the page', async () => {
  const provoked = (text) => /Failed to load resource/.test(text)
  const { page, close } = await open({ expected: provoked })
  site.server.faults.set('GET /ledger', 500)
  await page.evaluate(() => { location.hash = '#/ledger' })
  await page.getByText('parley doctor').waitFor()
  assert.deepEqual(await audit(page), [])
  await keep(page, 'error', false)
  site.server.faults.clear()
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('table').waitFor()
  // The other pages are fetched ahead of a dropped line.
  await page.waitForFunction(() => performance.getEntriesByType('resource').some((r) => /\/Inbox-[^/]*\.js$/.test(r.name)))
  await page.context().setOffline(true)
  await page.evaluate(() => { location.hash = '#/inbox' })
  await page.getByText('The node does not answer').first().waitFor({ timeout: 20_000 })
  await page.context().setOffline(false)
  site.server.faults.set('GET /overview', 401)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 20_000 })
  site.server.faults.clear()
  await close()
})

test('a change on the node shows at once, and a dropped line loses no draft', async () => {
  const dropped = (text) => /Failed to load resource|ERR_/.test(text)
  const { page, close } = await open({ party: 'south', expected: dropped })
  await page.locator('.waiting').waitFor()
  const w = site.server.worldOf('south')
  w.overview.waiting.unshift({ kind: 'alarm', title: 'Told by an event (fictional)', at: '2026-11-22T07:00:00Z', page: 'ledger' })
  site.server.changed()
  await page.getByText('Told by an event').waitFor({ timeout: 5000 }) // asking regularly takes ten seconds

  await visit(page, '#/accords')
  await page.getByRole('button', { name: 'Suspend…' }).click()
  await page.getByRole('textbox').fill('Half a sentence of a reas')
  await page.context().setOffline(true)
  site.server.cut()
  await page.getByText('The line to the node is down').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByRole('textbox').pressSequentially('on')
  await page.context().setOffline(false)
  await page.reload()
  await settle(page)
  assert.equal(await page.getByText('The line to the node is down').count(), 0)
  await page.getByRole('button', { name: 'Suspend…' }).click()
  assert.equal(await page.getByRole('textbox').inputValue(), 'Half a sentence of a reason')
  await page.getByRole('button', { name: 'Cancel' }).click()

  // What happened since the last visit, which ended when the overview was left.
  await page.evaluate(() => localStorage.setItem(Object.keys(localStorage).find((k) => k.startsWith('parley.seen.')), '2026-11-20T00:00:00Z'))
  await visit(page, '#/overview')
  const since = page.locator('section[aria-labelledby=changes]')
  assert.match(await since.innerText(), /Since you were last here[\s\S]*(released|received)[\s\S]*entr/)
  assert.deepEqual(await audit(page), [])
  await keep(page, 'overview-changes')
  await since.getByRole('button', { name: 'Mark as seen' }).click()
  await since.getByText('Nothing has changed').waitFor()
  await since.getByRole('button', { name: 'Undo' }).click()
  await since.locator('li').first().waitFor()

  // Signing out takes the drafts with it.
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith('parley.draft.')).length), 0)
  await close()
})

test('the first page is small enough for a poor line', async () => {
  const { page, close } = await open({ viewport: desk })
  // Counted when the first list stands; the other pages are fetched ahead afterwards.
  await page.addInitScript(() => {
    new MutationObserver((_, self) => {
      if (!document.querySelector('.waiting')) return
      self.disconnect()
      globalThis.first_ = performance.getEntriesByType('resource').filter((r) => r.name.endsWith('.js')).map((r) => [r.name.split('/').pop(), r.encodedBodySize])
    }).observe(document, { subtree: true, childList: true })
  })
  await page.reload()
  await page.waitForFunction(() => globalThis.first_)
  const loaded = await page.evaluate(() => globalThis.first_)
  const late = /^(Situation|ReportMap|MapView|Toggle|view|points|area|WatchPanel|WeekChart|FocusScope|SharedElementTransition)-/ // what the first list does not wait for
  const first = loaded.filter(([name]) => !late.test(name)).reduce((total, [, bytes]) => total + bytes, 0)
  console.log(`# script: ${(first / 1000).toFixed(1)} kB brotli until the first list`)
  assert.ok(first > 20_000, 'sizes were measured')
  assert.ok(first <= 120_000, `initial script is ${first} bytes: ${loaded.join(' ')}`)
  await close()
})

test('at 400 % zoom nothing is lost and nothing scrolls sideways', async () => {
  // WCAG 1.4.10: 1,280 pixels at 400 % are 320.
  const { page, close } = await open({ as: 'operator', viewport: { width: 320, height: 256 } })
  for (const view of [...pages, 'oversight', 'admin', 'operations/exercise-0a1b2c3d4e5f']) {
    await visit(page, `#/${view}`)
    assert.ok((await overflow(page)) <= 0, `${view} scrolls sideways by ${await overflow(page)} px`)
    assert.ok(await page.isVisible('h1'), view)
    // What stands fixed must leave room to read.
    const fixed = await page.$$eval('.shell *', (all) => all.filter((e) => ['fixed', 'sticky'].includes(getComputedStyle(e).position) && e.getClientRects().length && !e.closest('.table-box')).reduce((sum, e) => sum + e.getBoundingClientRect().height, 0))
    assert.ok(fixed < 128, `${view}: ${fixed} of 256 px are taken by what does not move`)
  }
  await close()
})

test('who asks for less motion gets none', async () => {
  const { page, close } = await open({ reducedMotion: 'reduce' })
  await visit(page, '#/accords')
  await page.getByRole('button', { name: 'Suspend…' }).click()
  await page.getByRole('dialog').waitFor()
  const moving = await page.evaluate(() => document.getAnimations().filter((a) => a.effect.getComputedTiming().duration > 1).map((a) => a.animationName ?? a.transitionProperty))
  assert.deepEqual(moving, [])
  await close()
})
