import type { FoundObject } from '../api/types'

/** An arrow of the graph: `what` is the relationship's kind or the property that
 * refers. */
export type Tie = { from: string; to: string; what: string; title: string; other: string }

/** tiesOf an object: what refers to it, and what it refers to. A relationship is
 * an arrow between its two ends, not a thing of its own. Markings are left out. */
export function tiesOf(id: string, object: unknown, referring: FoundObject[]): Tie[] {
  const ties: Tie[] = []
  for (const one of referring) {
    const [from, what, to] = one.title.split(' ')
    if (one.type === 'relationship' && from && what && to && (from === id || to === id)) {
      const other = from === id ? to : from
      ties.push({ from, to, what, title: other, other })
    } else {
      ties.push({ from: one.id, to: id, what: (one.property ?? '').replace(/_refs?$/, ''), title: one.title, other: one.id })
    }
  }
  const visit = (value: unknown, name: string) => {
    if (typeof value === 'string' && /_refs?$/.test(name) && name !== 'object_marking_refs' && /^[a-z0-9-]+--[0-9a-f-]{36}$/.test(value)) {
      ties.push({ from: id, to: value, what: name.replace(/_refs?$/, ''), title: value, other: value })
    } else if (Array.isArray(value)) for (const part of value) visit(part, name)
    else if (typeof value === 'object' && value !== null) for (const [key, part] of Object.entries(value)) if (key !== 'granular_markings') visit(part, key)
  }
  visit(object, '')
  const seen = new Set<string>()
  return ties.filter((t) => {
    const key = `${t.from} ${t.what} ${t.to}`
    return t.other !== id && !seen.has(key) && !!seen.add(key)
  })
}
