// The one filter of map, timeline, table and export, over columns.
import type { Columns } from './columns'

export type Box = readonly [west: number, south: number, east: number, north: number]

export type Filter = {
  /** Days since 1970-01-01, both included; null is open. */
  from: number | null
  to: number | null
  area: string
  class: string
  group: string
  party: string
  marking: string
  grading: string
  box: Box | null
}

/** What is chosen by a word each; the order of the page. */
export const choices = ['area', 'class', 'group', 'party', 'marking', 'grading'] as const
export type ChoiceName = (typeof choices)[number]

/** nothing stands for "none is named", "unmarked" and "ungraded"; own for ours. */
export const nothing = '-'
export const own = 'own'

/** The least gradings that are offered: reliability, credibility, both. */
export const gradings = ['B', 'C', '2', '3', 'B2', 'C3', nothing] as const

const length = 86_400_000

export const dayOf = (text: string): number | null => {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text + 'T00:00:00Z') : NaN
  return Number.isNaN(at) ? null : at / length
}

export const textOf = (day: number) => new Date(day * length).toISOString().slice(0, 10)

/** readFilter takes the filter out of the address; what does not read is left out. */
export function readFilter(query: Readonly<Record<string, string>>): Filter {
  const box = (query.box ?? '').split(',').map(Number)
  const good = query.box && box.length === 4 && box.every(Number.isFinite) && box[1]! <= box[3]!
  return {
    from: dayOf(query.from ?? ''),
    to: dayOf(query.to ?? ''),
    box: good ? (box as unknown as Box) : null,
    ...(Object.fromEntries(choices.map((name) => [name, query[name] ?? ''])) as Record<ChoiceName, string>),
  }
}

/** selectionOf writes a filter as the node takes it. */
export function selectionOf(filter: Filter): Record<string, string> {
  const { from, to, box, ...words } = filter
  const all = { ...words, from: from === null ? '' : textOf(from), to: to === null ? '' : textOf(to), box: box ? box.join(',') : '' }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value))
}

/** allowed gives, for each word of a column, whether a choice lets it pass. */
function allowed(columns: Columns, name: ChoiceName, choice: string): Uint8Array | null {
  if (!choice) return null
  const passes =
    name === 'grading' ? (word: string) => gradedAtLeast(choice, word)
    : choice === (name === 'party' ? own : nothing) ? (word: string) => word === ''
    : (word: string) => word === choice
  return Uint8Array.from(columns.words[name], (word) => (passes(word) ? 1 : 0))
}

/** gradedAtLeast as the node judges it: what cannot be judged (F, 6) never passes. */
export function gradedAtLeast(least: string, grade: string): boolean {
  if (least === nothing) return grade === ''
  const [, reliability = '', credibility = ''] = /^([A-E]?)([1-5]?)$/.exec(least) ?? []
  return grade.length === 2 && (!reliability || grade[0]! <= reliability) && (!credibility || grade[1]! <= credibility)
}

export type Selected = {
  /** Places of the incidents that pass, newest first. */
  rows: Uint32Array
  /** The same without the days of the filter: what the timeline shows round them. */
  anytime: Uint32Array
  /** How many each choice would leave, the other parts of the filter kept. */
  counts: Record<ChoiceName, Uint32Array>
}

/** select applies a filter in one pass. An incident that fails in one part alone still
 * counts for the choices of that part. */
export function select(columns: Columns, filter: Filter): Selected {
  const tests = choices.map((name) => allowed(columns, name, filter[name]))
  const codes = choices.map((name) => columns.codes[name])
  const counts = choices.map((name) => new Uint32Array(columns.words[name].length))
  const rows = new Uint32Array(columns.n)
  const anytime = new Uint32Array(columns.n)
  let [n, m] = [0, 0]
  const { day, lat, lon } = columns
  const from = filter.from ?? -Infinity
  const to = filter.to ?? Infinity
  const { box } = filter
  for (let i = 0; i < columns.n; i++) {
    if (box && !within(box, lat[i]!, lon[i]!)) continue
    let failed = -1 // the one part that it fails in; -2: several
    for (let c = 0; c < tests.length && failed !== -2; c++) {
      const test = tests[c]
      if (test && !test[codes[c]![i]!]) failed = failed === -1 ? c : -2
    }
    if (failed === -2) continue
    if (failed === -1) anytime[m++] = i
    if (day[i]! < from || day[i]! > to) continue
    if (failed === -1) {
      rows[n++] = i
      for (let c = 0; c < tests.length; c++) counts[c]![codes[c]![i]!]!++
    } else {
      counts[failed]![codes[failed]![i]!]!++
    }
  }
  return {
    rows: rows.slice(0, n),
    anytime: anytime.slice(0, m),
    counts: Object.fromEntries(choices.map((name, c) => [name, counts[c]!])) as Selected['counts'],
  }
}

const within = ([west, south, east, north]: Box, lat: number, lon: number) =>
  lat >= south && lat <= north && (west <= east ? lon >= west && lon <= east : lon >= west || lon <= east)

/** options of a choice, the most frequent first, with how many each would leave. */
export function optionsOf(columns: Columns, counts: Uint32Array, name: Exclude<ChoiceName, 'grading'>): { value: string; word: string; n: number }[] {
  return columns.words[name]
    .map((word, code) => ({ value: word || (name === 'party' ? own : nothing), word, n: counts[code]! }))
    .filter((one) => one.word !== '' || one.n > 0)
    .sort((a, b) => b.n - a.n || a.word.localeCompare(b.word))
}

/** gradedCount is how many a least grading would leave. */
export const gradedCount = (columns: Columns, counts: Uint32Array, least: string) =>
  columns.words.grading.reduce((sum, word, code) => sum + (gradedAtLeast(least, word) ? counts[code]! : 0), 0)
