import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../src')
const files = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files(join(dir, entry.name)) : [join(dir, entry.name)]))
const folder = join(root, 'i18n/work')
const catalogue = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, string>
const english = catalogue('en.json')
const first = JSON.parse(readFileSync(join(root, 'i18n/en.json'), 'utf8')) as Record<string, string>
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)/g)].map((m) => m[1]).filter((word) => !/^(One|nothing|Nothing|none|No|watched)$/.test(word!) && /^(n|of|left|wrong|rate|zone|released|pending|withheld)$/.test(word!))

describe.each(readdirSync(folder).filter((name) => name !== 'en.json'))('catalogue work/%s', (name) => {
  const other = catalogue(name)
  it('says every message and no other, with the same variables', () => {
    expect(Object.keys(other)).toEqual(Object.keys(english))
    for (const [id, text] of Object.entries(english)) {
      expect(other[id]!.trim()).not.toBe('')
      expect([id, [...new Set(placeholders(other[id]!))].sort()]).toEqual([id, [...new Set(placeholders(text))].sort()])
    }
  })
})

it('says nothing twice and nothing that no page says', () => {
  const sources = files(root).filter((path) => /\.tsx?$/.test(path)).map((path) => readFileSync(path, 'utf8')).join('\n')
  // Families are said by term(group, word) or by a key put together.
  const families = /^(choice|alert|says|op-state|op-end|task-state|term|priority|pending|standing|plan|plan-purpose|plan-state|plan-with|spot|exchange|resolution)\./
  expect(Object.keys(english).filter((id) => id in first)).toEqual([])
  expect(Object.keys(english).filter((id) => !families.test(id) && !sources.includes(`'${id}'`))).toEqual([])
})
