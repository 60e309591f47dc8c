// Two parties over real nodes, each in a browser of its own, with a line that
// drops in the middle: an officer asks for a release, an approver lets it go, the
// partner receives it and the receipt is kept; then the partner asks privately,
// requests what it hit and gets it. Ends with status 1 and says what went wrong.
//
//   node test/story.mjs OFFICER APPROVER PARTNER FILE
//
// The first three are one-time links, of North, North and South; FILE is where
// the partner's receipt goes. North's policy must want one approval of bombings.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { audit, launch, listen, settle } from './chromium.mjs'

const [officerLink, approverLink, partnerLink, file] = process.argv.slice(2)
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const browser = await launch()
const people = []

async function person(link) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
  await context.addInitScript(() => localStorage.setItem('parley.language', 'en'))
  const page = await context.newPage()
  // A line that was cut is no fault of the page.
  const faults = listen(page, new URL(link).origin, (text) => /ERR_INTERNET_DISCONNECTED/.test(text))
  await page.goto(link)
  await page.locator('.shell').waitFor({ timeout: 30_000 })
  const one = {
    page,
    visit: async (hash) => {
      await page.evaluate((to) => { location.hash = to }, hash)
      await settle(page)
    },
    proper: async (name) => {
      if (shots) await page.screenshot({ path: join(shots, `story-${name}.png`), fullPage: true })
      assert.deepEqual(await audit(page), [], `axe on ${name}`)
    },
    done: () => assert.deepEqual(faults, []),
  }
  people.push(one)
  return one
}

/** until reloads nothing: the pages follow the nodes by themselves. */
const seen = (locator) => locator.first().waitFor({ timeout: 60_000 })

try {
  const officer = await person(officerLink)
  await officer.visit('#/release')
  await officer.page.getByRole('searchbox').fill('Exercise event: bombing near')
  const pick = officer.page.locator('.pick', { hasText: 'bombing near' })
  await seen(pick)
  const title = (await pick.first().locator('bdi').first().innerText()).trim()
  await pick.first().getByRole('checkbox').check()
  await seen(officer.page.getByText('One other person must approve it'))
  assert.ok((await officer.page.locator('.gate-side pre').count()) === 2, 'both versions are shown')
  await officer.proper('gate')

  // The line drops: what was prepared stays, the page says what is the matter,
  // and the same press goes through once the line is back.
  await officer.page.context().setOffline(true)
  await officer.page.getByRole('button', { name: 'Ask for approval' }).click()
  await seen(officer.page.locator('.compose-gate .problem', { hasText: 'does not answer' }))
  assert.match(officer.page.url(), /objects=/)
  await officer.page.context().setOffline(false)
  await officer.page.getByRole('button', { name: 'Ask for approval' }).click()
  await seen(officer.page.locator('.approval', { hasText: title }).getByText('Somebody else must approve'))

  const approver = await person(approverLink)
  await approver.visit('#/release')
  const waiting = approver.page.locator('.approval', { hasText: title })
  await waiting.getByRole('button', { name: 'Both versions and every reason' }).click()
  await seen(waiting.locator('.gate-side pre'))
  await approver.proper('approval')
  await waiting.getByRole('button', { name: 'Approve', exact: true }).click()
  await seen(approver.page.getByText('none waits'))

  // The officer sees it leave and arrive without touching anything.
  const row = officer.page.locator('section[aria-labelledby=sent] tbody tr', { hasText: title }).first()
  await seen(row.getByText('received'))
  await officer.proper('received')

  const partner = await person(partnerLink)
  await partner.visit('#/inbox')
  const item = partner.page.locator('.item').first()
  await seen(item)
  await item.click()
  await seen(partner.page.locator('.sheet .proof'))
  await settle(partner.page)
  const [download] = await Promise.all([
    partner.page.waitForEvent('download'),
    partner.page.locator('.sheet').getByRole('link', { name: 'Download the receipt' }).click(),
  ])
  await download.saveAs(file)

  // The partner asks which of its numbers North knows, and for what it hit.
  await partner.visit('#/ask')
  await partner.page.getByRole('textbox', { name: 'Values, one a line' }).fill('+93 70 145 2207\nnot a number\n+93 70 660 1199')
  await partner.page.getByRole('textbox', { name: 'Case reference' }).fill('CASE-2026-STORY')
  await seen(partner.page.getByText('2 lines can be asked, 1 cannot.'))
  await partner.proper('ask')
  await partner.page.getByRole('button', { name: 'Ask privately' }).click()
  const card = partner.page.locator('section[aria-labelledby=questions] .card-row', { hasText: 'CASE-2026-STORY' }).first()
  await seen(card.getByText('1 hit'))
  await card.getByRole('button', { name: 'Request…' }).click()
  const dialog = partner.page.getByRole('dialog')
  await dialog.getByRole('textbox').fill('Who used it? (exercise)')
  await dialog.getByRole('button', { name: 'Send the request' }).click()
  await seen(card.getByText('requested:'))

  await officer.visit('#/inbox')
  const request = officer.page.locator('.request', { hasText: 'CASE-2026-STORY' })
  await seen(request)
  await request.getByRole('button', { name: 'Review and release…' }).click()
  const answer = officer.page.getByRole('dialog')
  await seen(answer.locator('.gate-side pre').or(answer.getByRole('radio')))
  if (await answer.getByRole('radio').count() > 1) await answer.locator('.radio').first().click()
  await seen(answer.locator('.gate-side pre'))
  await answer.getByRole('button', { name: 'Release' }).click()
  await answer.waitFor({ state: 'detached' })
  await seen(card.locator('.state', { hasText: 'answered' }).nth(1))
  await partner.proper('answered')
  for (const one of people) one.done()
  console.log(`released, received and answered: ${title}`)
} catch (error) {
  console.error(error.stack ?? error)
  for (const [i, one] of people.entries()) if (shots) await one.page.screenshot({ path: join(shots, `story-failed-${i}.png`), fullPage: true })
  process.exitCode = 1
} finally {
  await browser.close()
}
