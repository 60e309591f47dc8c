// Rules that hold for all sources: complete catalogues, logical CSS, no markup
// that the content security policy forbids.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
// The build swaps the parser for none; here the real one is wanted.
import { parse } from '../../node_modules/@formatjs/icu-messageformat-parser/index.js'
import { markOf } from '../../src/parts/mark'

const root = join(import.meta.dirname, '../..')
const files = (dir: string): string[] =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name)
    return statSync(path).isDirectory() ? files(path) : [path]
  })
const read = (path: string) => readFileSync(path, 'utf8')
const catalogue = (name: string) => JSON.parse(read(join(root, `src/i18n/${name}.json`))) as Record<string, string>
const english = catalogue('en')
const sources = files(join(root, 'src')).filter((f) => /\.tsx?$/.test(f)).map(read).join('\n')

type Node = { type: number; value?: unknown; options?: Record<string, { value: Node[] }> }
const variables = (text: string) => {
  const found = new Set<string>()
  const visit = (nodes: Node[]) => {
    for (const node of nodes) {
      if (node.type !== 0 && node.type !== 7) found.add(String(node.value))
      for (const option of Object.values(node.options ?? {})) visit(option.value)
    }
  }
  visit(parse(text) as unknown as Node[])
  return [...found].sort()
}

describe.each(['ur'])('catalogue %s', (name) => {
  const other = catalogue(name)
  it('says every message and no other', () => {
    expect(Object.keys(other)).toEqual(Object.keys(english))
    for (const text of Object.values(other)) expect(text.trim()).not.toBe('')
  })
  it('uses the same variables', () => {
    for (const id of Object.keys(english)) expect([id, variables(other[id]!)]).toEqual([id, variables(english[id]!)])
  })
})

it('has no message that nothing says', () => {
  // Families are said by term(group, word) or by a key put together.
  const families = /^(division|verdict|policy|attention-source|link|link-act|fused|judge|fusion|role|rung|rung-note|state|outcome|source|content|class|kind|event|selector|purpose|type|field|area|waiting|nav|span)\./
  const unsaid = Object.keys(english).filter((id) => !families.test(id) && !sources.includes(`'${id}'`) && !sources.includes(`="${id}"`))
  expect(unsaid).toEqual([])
})

it('has logical style sheets only', () => {
  const physical = /(^|[\s;{-])(left|right)\s*[:;]|(margin|padding|border)-(left|right|top|bottom)|text-align:\s*(left|right)|float:/
  for (const path of files(join(root, 'src/style'))) {
    const wrong = read(path).split('\n').filter((line) => physical.test(line))
    expect([path, wrong]).toEqual([path, []])
  }
})

it('has no inline style or script in its pages', () => {
  for (const page of ['index.html', 'unbuilt.html']) {
    expect(read(join(root, page))).not.toMatch(/style=|<style|<script(?![^>]*src=)|\son\w+=/)
  }
  expect(sources).not.toMatch(/dangerouslySetInnerHTML|\.innerHTML|\beval\(|new Function/)
})

it('locks packages without naming a registry', () => {
  expect(read(join(root, 'package-lock.json'))).not.toMatch(/"resolved"|https?:\/\/[^"]*registry/)
})

it('knows parties by their mark, else by name', () => {
  expect(markOf('north', 'x')).toBe('north')
  expect(markOf(undefined, 'South')).toBe('south')
  expect(markOf('p-3', 'The Witness')).toBe('guarantor')
  expect(markOf('', 'Elsewhere')).toBe('other')
})
