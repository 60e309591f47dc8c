import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL('../../' + path, import.meta.url), 'utf8')

it('has a word for every kind of act, in every language', () => {
  const kinds = [...read('../ledger/event.go').matchAll(/^\t\w+\s+Kind = "([a-z-]+)"/gm)].map((m) => m[1])
  expect(kinds.length).toBeGreaterThan(20)
  for (const language of ['en', 'ur', 'ps', 'prs']) {
    const words = JSON.parse(read(`src/i18n/${language}.json`)) as Record<string, string>
    expect(kinds.filter((kind) => !words['event.' + kind])).toEqual([])
  }
})
