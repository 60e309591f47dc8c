// Checks a receipt in the browser, step by step (docs/protocol.md, "Receipt"): no
// word of the node is taken for anything that the file itself can show. What is
// not checked here, parley verify checks: ML-DSA-44 cosignatures, witnessings, and
// up to where the keys of earlier cards count.

export const stepNames = ['form', 'accord', 'cards', 'signed', 'event', 'included', 'checkpoint', 'cosigned'] as const
export type StepName = (typeof stepNames)[number]
export type Step = { name: StepName; ok: boolean; detail: string }
export type Verdict = { ok: boolean; steps: Step[]; event: Event | null; cosigners: string[] }
type Event = { accord: string; party: string; kind: string; at: string }
/** The place of an entry: a log by its origin, and the index in it from 0. */
export type Entry = { log: string; index: number }

type Card = { party: string; root: string; signing: string; sequence: number }
type Terms = { type: string; title: string; members: Member[]; witnesses: Member[] | null }
type Member = { party: string; name: string; root: string }

const utf8 = new TextEncoder()
const bytesOf = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))
const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')
const equal = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i])

function join(...parts: (Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const sha256 = async (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))

class Wrong extends Error {}
const must = (holds: unknown, why: string) => {
  if (!holds) throw new Wrong(why)
}

/** sections reads "name length", that many bytes and a newline, again and again. */
function sections(file: Uint8Array<ArrayBuffer>): Map<string, Uint8Array<ArrayBuffer>[]> {
  const decode = new TextDecoder('utf-8', { fatal: true })
  const out = new Map<string, Uint8Array<ArrayBuffer>[]>()
  let at = 0
  const line = () => {
    const end = file.indexOf(10, at)
    must(end >= 0 && end - at < 100, 'cut short')
    const text = decode.decode(file.subarray(at, end))
    at = end + 1
    return text
  }
  must(line() === 'parley-receipt/1', 'not a receipt')
  while (at < file.length) {
    const [, name = '', size = ''] = /^([a-z]+) (0|[1-9]\d{0,8})$/.exec(line()) ?? []
    must(name, 'a section has no name')
    const end = at + Number(size)
    must(file[end] === 10, `the section ${name} is cut short`)
    out.set(name, [...(out.get(name) ?? []), file.slice(at, end)])
    at = end + 1
  }
  return out
}

type Note = { text: string; lines: { name: string; id: Uint8Array; signature: Uint8Array<ArrayBuffer> }[] }

/** parseNote reads a C2SP signed note. */
function parseNote(bytes: Uint8Array): Note {
  const all = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  const cut = all.lastIndexOf('\n\n')
  must(cut >= 0 && all.endsWith('\n'), 'a note has no signatures')
  const lines = all.slice(cut + 2, -1).split('\n').map((line) => {
    const [, name = '', blob = ''] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? []
    must(name, 'a signature line does not read')
    const raw = bytesOf(blob)
    must(raw.length > 4 && base64(raw) === blob, 'a signature line is not canonical')
    return { name, id: raw.subarray(0, 4), signature: raw.slice(4) }
  })
  return { text: all.slice(0, cut + 1), lines }
}

/** keyOf takes the Ed25519 key out of a vkey, "name+id+base64" (C2SP signed-note). */
async function keyOf(vkey: string): Promise<Uint8Array<ArrayBuffer>> {
  const [, name = '', id = '', blob = ''] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? []
  const raw = bytesOf(blob)
  must(raw.length === 33 && raw[0] === 1, `the key of ${name} is not Ed25519`)
  const key = raw.slice(1)
  must(hex(await keyID(name, 1, key)) === id, `the key of ${name} is not what its name says`)
  return key
}

const keyID = async (name: string, kind: number, key: Uint8Array) =>
  (await sha256(join(utf8.encode(name + '\n'), [kind], key))).subarray(0, 4)

async function verify(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>) {
  const imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify'])
  return crypto.subtle.verify('Ed25519', imported, signature, message)
}

type Keys = (name: string) => readonly Uint8Array<ArrayBuffer>[]

/** signers returns who signed a note; every line must be valid under a known key
 * of that name. Kind 1 is a plain signature; 4 a cosignature, whose line begins
 * with a time (C2SP tlog-cosignature). `passed` lines are not looked at. */
async function signers(note: Note, known: Keys, kind: 1 | 4, passed: (line: Note['lines'][number]) => boolean = () => false) {
  const out: string[] = []
  for (const line of note.lines) {
    if (passed(line)) continue
    let ok = false
    for (const key of known(line.name)) {
      if (!equal(line.id, await keyID(line.name, kind, key))) continue
      if (kind === 4) {
        must(line.signature.length === 72, `the cosignature of ${line.name} does not read`)
        const time = new DataView(line.signature.buffer, line.signature.byteOffset).getBigUint64(0)
        ok = await verify(key, utf8.encode(`cosignature/v1\ntime ${time}\n${note.text}`), line.signature.slice(8))
      } else {
        ok = await verify(key, utf8.encode(note.text), line.signature)
      }
    }
    must(ok, `a signature of ${line.name} is not valid`)
    out.push(line.name)
  }
  return out
}

/** rootFrom computes the root of a tree from a leaf and its path (RFC 9162 §2.1.3.2). */
async function rootFrom(leaf: Uint8Array<ArrayBuffer>, index: number, size: number, path: Uint8Array[]) {
  must(index < size, 'the entry lies outside the log')
  let [at, last] = [index, size - 1]
  let hash = leaf
  for (const sibling of path) {
    must(last > 0, 'the path is too long')
    if (at % 2 === 1 || at === last) {
      hash = await sha256(join([1], sibling, hash))
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
    } else {
      hash = await sha256(join([1], hash, sibling))
    }
    ;[at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  }
  must(last === 0, 'the path is too short')
  return hash
}

/** check verifies a receipt file, and that it is of the entry `asked` for: a true
 * receipt of another entry proves nothing about this one. Without `asked` any entry
 * will do. Later steps rest on earlier ones, so it stops at the first that fails. */
export async function check(file: Uint8Array<ArrayBuffer>, asked?: Entry): Promise<Verdict> {
  const out: Verdict = { ok: false, steps: [], event: null, cosigners: [] }
  const read = <T>(bytes: Uint8Array) => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as T
  const step = async (name: StepName, work: () => Promise<string> | string) => {
    const detail = await work()
    out.steps.push({ name, ok: true, detail })
  }
  let parts = new Map<string, Uint8Array<ArrayBuffer>[]>()
  const only = (name: string) => {
    const found = parts.get(name) ?? []
    must(found.length === 1, `there must be one section ${name}`)
    return found[0]!
  }
  let terms: Terms | undefined
  let note: Note | undefined
  let id = ''
  const keys = new Map<string, Uint8Array<ArrayBuffer>[]>()
  let event: Event | undefined
  let leafHash = new Uint8Array()
  let checkpoint: Note | undefined
  let [root, size] = ['', 0]
  const work: Record<StepName, () => Promise<string> | string> = {
    form: () => {
      parts = sections(file)
      return [...parts.keys()].join(', ')
    },
    accord: async () => {
      note = parseNote(only('accord'))
      id = hex(await sha256(utf8.encode(note.text)))
      terms = JSON.parse(note.text) as Terms
      must(terms.type === 'parley-accord/1', 'this is no accord')
      return `${terms.title} · ${id.slice(0, 16)}…`
    },
    cards: async () => {
      const parties = [...terms!.members, ...(terms!.witnesses ?? [])]
      for (const bytes of parts.get('card') ?? []) {
        const one = parseNote(bytes)
        const card = JSON.parse(one.text) as Card
        const pinned = parties.find((p) => p.party === card.party)
        must(pinned && pinned.root === card.root, `the accord does not name the long-term key on the card of ${card.party}`)
        const root = await keyOf(card.root)
        const signed = await signers(one, (name) => (name === card.party ? [root] : []), 1)
        must(signed.length === 1, `the card of ${card.party} is not signed by its long-term key`)
        keys.set(card.party, [...(keys.get(card.party) ?? []), await keyOf(card.signing)])
      }
      must(terms!.members.every((m) => keys.has(m.party)), 'a member’s card is missing')
      return [...keys.keys()].join(', ')
    },
    signed: async () => {
      const signed = await signers(note!, (name) => keys.get(name) ?? [], 1)
      for (const { party } of terms!.members) must(signed.includes(party), `${party} has not signed the accord`)
      return terms!.members.map((m) => m.name).join(', ')
    },
    event: async () => {
      const body = only('event')
      event = read<Event>(body)
      must(event.accord === id, 'the entry belongs to another accord')
      const salt = bytesOf(new TextDecoder().decode(only('salt')))
      must(salt.length === 32, 'the salt does not have 32 bytes')
      const imported = await crypto.subtle.importKey('raw', salt, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
      const mac = base64(new Uint8Array(await crypto.subtle.sign('HMAC', imported, body)))
      const leaf = only('leaf')
      const [kindOf, kind, time, commitment] = new TextDecoder().decode(leaf).split('\n')
      must(kindOf === 'parley-leaf/1' && kind === event.kind && commitment === mac, 'the entry is not what the log committed to')
      must(BigInt(time ?? '0') / 1000n === BigInt(Date.parse(event.at)), 'the entry has another time than the log')
      leafHash = await sha256(join([0], leaf))
      return mac
    },
    included: async () => {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(only('proof'))
      const cut = text.indexOf('\n\n')
      const [head, second = '', ...path] = text.slice(0, cut).split('\n')
      must(head === 'c2sp.org/tlog-proof@v1', 'the proof does not read')
      const hashes = path.filter((line) => !line.startsWith('extra ')).map(bytesOf)
      const index = Number(/^index (\d+)$/.exec(second)?.[1] ?? NaN)
      checkpoint = parseNote(utf8.encode(text.slice(cut + 2)))
      const [origin, length = '', top = '', rest] = checkpoint.text.split('\n')
      must(origin === `parley/${id}/${event!.party}` && rest === '', 'the checkpoint is of another log')
      ;[size, root] = [Number(length), top]
      must(Number.isSafeInteger(size) && Number.isSafeInteger(index), 'the proof does not read')
      must(!asked || (asked.log === origin && asked.index === index), `this is the receipt of entry ${index} of ${event!.party}’s log, not of the entry asked for`)
      must(base64(await rootFrom(leafHash, index, size, hashes)) === root, 'the entry is not in that log')
      return `${index} / ${size} · ${root}`
    },
    checkpoint: async () => {
      const origin = `parley/${id}/${event!.party}`
      const signed = await signers(checkpoint!, () => keys.get(event!.party) ?? [], 1, (line) => line.name !== origin)
      must(signed.length > 0, `the log’s root is not signed by ${event!.party}`)
      return event!.party
    },
    cosigned: async () => {
      const origin = `parley/${id}/${event!.party}`
      // ML-DSA-44 signatures have 2,420 bytes; browsers cannot check them.
      const postQuantum = (line: Note['lines'][number]) => line.signature.length === 8 + 2420 && keys.has(line.name)
      out.cosigners = await signers(checkpoint!, (name) => (name === event!.party ? [] : keys.get(name) ?? []), 4, (line) => line.name === origin || postQuantum(line))
      return out.cosigners.join(', ')
    },
  }
  for (const name of stepNames) {
    try {
      await step(name, work[name])
    } catch (error) {
      out.steps.push({ name, ok: false, detail: error instanceof Wrong ? error.message : 'it does not read' })
      return out
    }
  }
  out.event = event!
  out.ok = true
  return out
}
