// People sign in to a real node in Chromium: set-up, passkeys by a virtual
// authenticator, password and code, a real identity provider, sessions, lock.
//
//   node --test test/signin.mjs        PARLEY=binary, default ../bin/parley
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { audit, launch, listen, settle } from './chromium.mjs'
import { freePort, needBinary, node } from './parley.mjs'

needBinary()

let browser, north, provider, setupLink

before(async () => {
  const port = await freePort()
  north = await node('north')
  const secret = join(north.dir, 'oidc.secret')
  writeFileSync(secret, 'a-secret-of-the-test\n')
  north.set({ console_origin: north.origin, oidc: { name: 'Ministry', issuer: `http://localhost:${port}`, client: 'parley', secret_file: secret } })
  provider = spawn(process.execPath, [fileURLToPath(new URL('provider.mjs', import.meta.url)), String(port), `${north.origin}/api/v1/session/oidc/callback`], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise((resolve) => createInterface({ input: provider.stdout }).once('line', resolve))
  const lines = await north.start()
  setupLink = lines.map((line) => /(http\S+#setup=\S+)/.exec(line)?.[1]).find(Boolean)
  browser = await launch()
})
after(async () => {
  await browser?.close()
  provider?.kill()
  await north?.remove()
})

/** profile is a fresh browser profile; `authenticator` gives it a platform
 * authenticator that verifies its user. */
async function profile({ authenticator = false, expected = (text) => /40[01]/.test(text) } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' })
  const page = await context.newPage()
  const faults = listen(page, north.origin, expected)
  if (authenticator) {
    const cdp = await context.newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    })
  }
  return { context, page, faults }
}

const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor()

/** code is RFC 6238's, six digits of SHA-1 over 30-second steps. */
function code(secret, ahead = 0) {
  const bits = [...secret.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead))
  const mac = createHmac('sha1', key).update(step).digest()
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

test('the first operator sets the node up and signs in by passkey from then on', async () => {
  assert.match(setupLink ?? '', /^http:\/\/localhost:\d+\/#setup=/, 'a new node prints a set-up link')
  const { context, page, faults } = await profile({ authenticator: true })
  await page.clock.install()
  await page.goto(setupLink)
  await heading(page, 'Set up this node')
  assert.ok(!page.url().includes('setup='), 'the token leaves the address')
  assert.deepEqual(await audit(page), [])
  await page.getByLabel('Name').fill('Zarmina (fictional)')
  await page.getByRole('button', { name: 'Begin' }).click()
  await heading(page, 'Your sign-in')
  await page.getByText('Choose a way to sign in before you leave').waitFor()
  await page.getByLabel('What to call it').fill('Office key')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByText('Office key').waitFor()
  assert.equal(await page.getByText('Choose a way to sign in before you leave').count(), 0)
  assert.deepEqual(await audit(page), [])

  // Left alone, the console locks itself; what was shown is gone, here and on the node.
  await page.clock.fastForward('10:10')
  await heading(page, 'Sign in')
  await page.getByText('Locked after a while without use').waitFor()
  assert.equal(await page.evaluate(() => fetch('/api/v1/overview').then((r) => r.status)), 401, 'the node is locked, too')
  await page.reload()
  await page.getByText('go on as Zarmina (fictional)').waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await heading(page, 'Your sign-in') // where it was locked
  await page.getByRole('button', { name: 'Sign out' }).click()
  await heading(page, 'Sign in')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByText('Office key').waitFor()

  // The set-up link is spent.
  const other = await profile()
  await other.page.goto(setupLink)
  await other.page.getByLabel('Name').fill('Thief')
  await other.page.getByRole('button', { name: 'Begin' }).click()
  await other.page.getByText('was used or is of an earlier start').waitFor()
  // A browser without that passkey does not get in.
  await other.context.close()
  const stranger = await profile({ authenticator: true })
  await stranger.page.goto(north.origin)
  await stranger.page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await stranger.page.getByText('Nothing was chosen').waitFor()
  await stranger.context.close()
  assert.deepEqual(faults, [])
  await context.close()
})

test('an officer without passkeys uses a password and a code, and ends a session elsewhere', async () => {
  const { link } = north.json('user', 'link', '--name', 'Bilal (fictional)', '--role', 'officer')
  const { context, page, faults } = await profile()
  await page.goto(link)
  await heading(page, 'Overview')
  await page.evaluate(() => { location.hash = '#/me' })
  await page.getByRole('button', { name: 'Set a password' }).click()
  const secret = await page.locator('code').innerText()
  assert.ok(await page.getByRole('img', { name: /QR code/ }).evaluate((img) => img.complete && img.naturalWidth > 100), 'the QR code shows under the policy')
  assert.deepEqual(await audit(page), [])
  await page.getByRole('textbox', { name: 'Password' }).fill('five words in a row')
  await page.getByLabel('Code', { exact: true }).fill(code(secret))
  await page.getByRole('button', { name: 'Set a password' }).click()
  await page.getByText('A password with a code').waitFor()

  const other = await profile()
  await other.page.goto(north.origin)
  const enter = async (password, digits) => {
    await other.page.getByLabel('Name').fill('Bilal (fictional)')
    await other.page.getByRole('textbox', { name: 'Password' }).fill(password)
    await other.page.getByLabel('Code', { exact: true }).fill(digits)
    await other.page.locator('form', { has: other.page.getByRole('textbox', { name: 'Password' }) }).getByRole('button', { name: 'Sign in' }).click()
  }
  await enter('six words in a row', code(secret, 1))
  await other.page.getByText('Name, password or code is wrong').waitFor()
  assert.deepEqual(await audit(other.page), [])
  await enter('five words in a row', code(secret, 1)) // a code counts once: this is the next one
  await heading(other.page, 'Overview')

  await page.reload()
  await page.locator('#my-sessions').waitFor()
  const rows = page.locator('section[aria-labelledby=my-sessions] li')
  await rows.nth(1).waitFor()
  await rows.filter({ hasText: 'password and code' }).getByRole('button', { name: 'End' }).click()
  await rows.nth(1).waitFor({ state: 'detached' })
  assert.equal(await other.page.evaluate(() => fetch('/api/v1/session').then((r) => r.status)), 401)
  assert.deepEqual(faults, [])
  await other.context.close()
  await context.close()
})

test('an analyst comes in by the identity provider, and nobody else by it', async () => {
  north.json('user', 'add', '--name', 'Amara (fictional)', '--role', 'analyst', '--account', 'amara@north.example')
  const outside = (text) => /Failed to load resource/.test(text)
  const by = async (login) => {
    const { context, page } = await profile({ expected: outside })
    await page.goto(north.origin)
    await page.getByRole('link', { name: 'Sign in by Ministry' }).click()
    await page.getByLabel('User').fill(login)
    await page.getByRole('button', { name: 'Go' }).click()
    await page.waitForURL(`${north.origin}/**`)
    await settle(page)
    return { page, close: () => context.close() }
  }
  for (const login of ['mallory', 'unverified-amara']) {
    const { page, close } = await by(login)
    await page.getByText('nobody here has that account').waitFor()
    await close()
  }
  const amara = await by('amara')
  await heading(amara.page, 'Overview')
  const session = await amara.page.evaluate(() => fetch('/api/v1/session').then((r) => r.json()))
  assert.deepEqual(session.user, { name: 'Amara (fictional)', role: 'analyst' })
  await amara.close()
  // The address went to another subject at the provider: not the same person.
  const heir = await by('other-amara')
  await heir.page.getByText('nobody here has that account').waitFor()
  await heir.close()
})
