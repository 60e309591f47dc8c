import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { check, stepNames } from '../../src/ledger/receipt'

const file = new Uint8Array(readFileSync(join(import.meta.dirname, '../../../testdata/protocol/receipt.txt')))

it('follows a receipt of the protocol’s vectors to its end', async () => {
  const got = await check(file)
  expect(got.steps.map((s) => [s.name, s.ok])).toEqual(stepNames.map((name) => [name, true]))
  expect(got.event).toMatchObject({ party: 'north', kind: 'accord-suspended' })
  expect(got.cosigners).toEqual(['south'])
})

it('refuses a true receipt of another entry than the one asked for', async () => {
  const log = 'parley/9fce5b75d77bb8b8ad830e6491bea26d7a2a0ad991a6b235b1dc76e9f9dbf846/north'
  expect((await check(file, { log, index: 1 })).ok).toBe(true)
  for (const asked of [{ log, index: 0 }, { log, index: 2 }, { log: log.replace('north', 'south'), index: 1 }, { log: log.replace('9fce', '9fcf'), index: 1 }]) {
    const got = await check(file, asked)
    expect(got.ok).toBe(false)
    expect(got.event).toBe(null)
    expect(got.steps.at(-1)).toMatchObject({ name: 'included', ok: false, detail: 'this is the receipt of entry 1 of north’s log, not of the entry asked for' })
  }
})

it('refuses a receipt in which any byte of what it checks was changed', async () => {
  const text = new TextDecoder('latin1').decode(file) // a character for each byte
  // Of what the browser leaves to parley verify nothing is claimed.
  const unseen = (at: number) => {
    const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, text.indexOf('\n', at))
    return at >= text.indexOf('\nwitnessing ') || (line.startsWith('\u00e2') && line.length > 1000)
  }
  let tried = 0
  const wrong: number[] = []
  for (let at = 0; at < file.length; at += 31) {
    if (unseen(at)) continue
    const bad = file.slice()
    bad[at]! ^= 1
    tried++
    if ((await check(bad)).ok) wrong.push(at)
  }
  expect(wrong).toEqual([])
  expect(tried).toBeGreaterThan(200)
})

it('says at which step a receipt fails', async () => {
  const swap = (from: string, to: string) => new TextEncoder().encode(new TextDecoder().decode(file).replace(from, to))
  const first = async (bytes: Uint8Array<ArrayBuffer>) => (await check(bytes)).steps.at(-1)!.name
  expect(await first(swap('parley-receipt/1', 'parley-receipt/2'))).toBe('form')
  expect(await first(swap('"reason":"two"', '"reason":"owt"'))).toBe('event')
  expect(await first(swap('index 1', 'index 0'))).toBe('included')
  expect(await first(swap('"Exercise accord"', '"Exercise accorD"'))).toBe('signed')
  expect(await first(file.slice(0, -40))).toBe('form')
})
