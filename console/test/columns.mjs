// Writes incidents in columns, as the node does (docs/api.md).

const kinds = { i32: 4, u16: 2, u32: 4, u8: 1, f32: 4 }
const day = (date) => Math.floor(Date.parse(date + 'T00:00:00Z') / 86_400_000)

/** columns of incidents, newest first; `event` and `rival` may be left out of them. */
export function columns(incidents) {
  const n = incidents.length
  const words = {}
  const code = (name, of) => {
    const places = new Map([['', 0]])
    const codes = incidents.map((one) => {
      const word = one[of] ?? ''
      if (!places.has(word)) places.set(word, places.size)
      return places.get(word)
    })
    words[name] = [...places.keys()]
    return [name, 'u16', codes]
  }
  const parts = [
    ['day', 'i32', incidents.map((i) => day(i.date))],
    ['days', 'u16', incidents.map((i) => day(i.end) - day(i.date))],
    ['lat', 'f32', incidents.map((i) => i.lat ?? NaN)],
    ['lon', 'f32', incidents.map((i) => i.lon ?? NaN)],
    ['radius', 'u16', incidents.map((i) => Math.round(i.radius_km))],
    ['killed', 'u16', incidents.map((i) => i.killed.best)],
    ['event', 'u32', incidents.map((i) => i.event ?? 0)],
    ['rival', 'u8', incidents.map((i) => i.rival ?? 0)],
    code('area', 'area'), code('class', 'class'), code('kind', 'kind'), code('group', 'organisation'),
    code('party', 'from'), code('marking', 'marking'), code('grading', 'grading'),
  ]
  const even = (size) => (size + 7) & ~7
  const heads = [{ name: 'id', type: 'uuid', at: 0 }]
  let at = even(16 * n)
  for (const [name, type] of parts) {
    heads.push({ name, type, at })
    at += even(kinds[type] * n)
  }
  let head = JSON.stringify({ n, words, columns: heads })
  while (Buffer.byteLength(head) % 8 !== 4) head += ' '
  const start = 12 + Buffer.byteLength(head)
  const out = Buffer.alloc(start + at)
  out.write('PCOLS\u00001\n', 'latin1')
  out.writeUInt32LE(Buffer.byteLength(head), 8)
  out.write(head, 12)
  incidents.forEach((one, i) => out.write(one.id.slice('incident--'.length).replaceAll('-', ''), start + 16 * i, 'hex'))
  parts.forEach(([, type, values], k) => {
    const size = kinds[type]
    const put = { i32: 'writeInt32LE', u16: 'writeUInt16LE', u32: 'writeUInt32LE', u8: 'writeUInt8', f32: 'writeFloatLE' }[type]
    values.forEach((value, i) => out[put](value, start + heads[k + 1].at + size * i))
  })
  return out
}
