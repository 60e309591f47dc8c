// Reads incidents in columns (docs/api.md): numbers in typed arrays, words by their
// place in a list, so that a hundred thousand cost a few megabytes and no objects.

const wordColumns = ['area', 'class', 'kind', 'group', 'party', 'marking', 'grading'] as const
type WordColumn = (typeof wordColumns)[number]

export type Columns = {
  n: number
  /** The id of an incident, as STIX writes it. */
  id: (i: number) => string
  /** The first byte of its UUID. */
  first: (i: number) => number
  /** The first day, in days since 1970-01-01, and how many more it may lie in. */
  day: Int32Array
  days: Uint16Array
  /** Degrees; NaN where it is not placed. */
  lat: Float32Array
  lon: Float32Array
  radius: Uint16Array
  killed: Uint16Array
  /** The same number from 1 for reports of one event, 0 for the only report. */
  event: Uint32Array
  /** 1 where reports or claims name different ones. */
  rival: Uint8Array
  words: Record<WordColumn, readonly string[]>
  codes: Record<WordColumn, Uint16Array>
}

const magic = 'PCOLS\u00001\n'
const kinds = { uuid: Uint8Array, i32: Int32Array, u16: Uint16Array, u32: Uint32Array, u8: Uint8Array, f32: Float32Array } as const

type Head = { n: number; words: Record<string, string[]>; columns: { name: string; type: keyof typeof kinds; at: number }[] }

/** readColumns reads an answer; it throws where that is none. */
export function readColumns(bytes: Uint8Array<ArrayBuffer>): Columns {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 8))
  if (start !== magic) throw new Error('the answer is not in columns')
  // Typed arrays read in the machine's order; browsers run on little-endian ones.
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length))) as Head
  const from = bytes.byteOffset + 12 + length
  const column = (name: string) => {
    const found = head.columns.find((c) => c.name === name)
    if (!found) throw new Error(`there is no column ${name}`)
    const wide = found.type === 'uuid' ? 16 * head.n : head.n
    return new kinds[found.type](bytes.buffer, from + found.at, wide)
  }
  const uuids = column('id') as Uint8Array
  return {
    n: head.n,
    id: (i) => 'incident--' + uuid(uuids, 16 * i),
    first: (i) => uuids[16 * i]!,
    day: column('day') as Int32Array,
    days: column('days') as Uint16Array,
    lat: column('lat') as Float32Array,
    lon: column('lon') as Float32Array,
    radius: column('radius') as Uint16Array,
    killed: column('killed') as Uint16Array,
    event: column('event') as Uint32Array,
    rival: column('rival') as Uint8Array,
    words: Object.fromEntries(wordColumns.map((name) => [name, head.words[name] ?? ['']])) as unknown as Columns['words'],
    codes: Object.fromEntries(wordColumns.map((name) => [name, column(name)])) as Columns['codes'],
  }
}

const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

function uuid(bytes: Uint8Array, at: number): string {
  let out = ''
  for (let i = 0; i < 16; i++) out += (i === 4 || i === 6 || i === 8 || i === 10 ? '-' : '') + hex[bytes[at + i]!]
  return out
}

/** indexOf finds an incident by its id, -1 where it is not among them. */
export function indexOf(columns: Columns, id: string): number {
  const byte = Number.parseInt(id.slice(10, 12), 16)
  // Most are turned away by their first byte, without writing out a string.
  for (let i = 0; i < columns.n; i++) if (columns.first(i) === byte && columns.id(i) === id) return i
  return -1
}
