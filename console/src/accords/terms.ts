// The terms of an accord as a person edits and compares them: one value a term.
import type { Draft } from '../api/types'
import type { MessageId } from '../i18n'

export type Kind = 'text' | 'list' | 'number' | 'rung' | 'tlp' | 'time' | 'lines'

/** terms are those that can be edited, in the order in which they are shown. */
export const terms = [
  ['title', 'draft.name', 'text'],
  ['members', 'draft.members', 'list'],
  ['witnesses', 'draft.witnesses', 'list'],
  ['purposes', 'accord.purposes', 'list'],
  ['legal_bases', 'accord.legal', 'list'],
  ['object_types', 'accord.types', 'list'],
  ['start', 'draft.start', 'rung'],
  ['rung', 'accord.ceiling', 'rung'],
  ['tlp', 'draft.tlp', 'tlp'],
  ['place_km', 'draft.km', 'number'],
  ['time', 'accord.time', 'time'],
  ['match', 'draft.match', 'lines'],
  ['retention_days', 'draft.days', 'number'],
  ['onward', 'draft.onward', 'text'],
  ['suspension', 'draft.suspension', 'text'],
] as const satisfies readonly (readonly [string, MessageId, Kind])[]

export type Term = (typeof terms)[number][0]
export type Values = Record<Term, string>

export const blank: Values = {
  title: '', members: '', witnesses: '', purposes: '', legal_bases: '', object_types: 'incident', start: 'match', rung: 'tearline', tlp: 'TLP:AMBER',
  place_km: '20', time: 'day', match: 'phone 100', retention_days: '365', onward: 'none', suspension: '',
}

type Party = string | { party: string }
const party = (one: Party) => (typeof one === 'string' ? one : one.party)
const list = (of: readonly string[] | null | undefined) => (of ?? []).join(', ')

/** valuesOf reads a draft, or the signed text of an accord, which has the same members. */
export function valuesOf(d: Partial<Omit<Draft, 'members' | 'witnesses'>> & { members?: Party[] | null; witnesses?: Party[] | null }): Values {
  return {
    title: d.title ?? '',
    members: list(d.members?.map(party)),
    witnesses: list(d.witnesses?.map(party)),
    purposes: list(d.purposes),
    legal_bases: list(d.legal_bases),
    object_types: list(d.object_types),
    start: d.start ?? 'contact',
    rung: d.ceiling?.rung ?? 'contact',
    tlp: d.ceiling?.tlp ?? '',
    place_km: String(d.ceiling?.place_km ?? 0),
    time: d.ceiling?.time ?? '',
    match: (d.match ?? []).map((m) => `${m.kind} ${m.quota}`).join('\n'),
    retention_days: String(d.retention_days ?? 0),
    onward: d.onward ?? '',
    suspension: d.suspension ?? '',
  }
}

const items = (text: string) => text.split(/[,،]/).map((s) => s.trim()).filter(Boolean)

/** draftOf makes the draft that the node keeps. */
export function draftOf(v: Values, amends: string): Draft {
  return {
    title: v.title.trim(),
    members: items(v.members),
    witnesses: items(v.witnesses),
    purposes: items(v.purposes),
    legal_bases: items(v.legal_bases),
    object_types: items(v.object_types),
    ceiling: { rung: v.rung, tlp: v.tlp, place_km: Number(v.place_km), time: v.time },
    start: v.start,
    match: v.match.split('\n').map((line) => line.trim().split(/\s+/)).filter(([kind]) => kind).map(([kind = '', quota]) => ({ kind, quota: Number(quota) })),
    retention_days: Number(v.retention_days),
    onward: v.onward.trim(),
    suspension: v.suspension.trim(),
    ...(amends ? { amends } : {}),
  }
}

export type Difference = { term: Term; before: string; after: string }

/** differences are the terms that are not the same; the order of a list is none. */
export function differences(before: Values, after: Values): Difference[] {
  const plain = (text: string, kind: Kind) => (kind === 'list' ? items(text).sort().join() : kind === 'lines' ? text.trim().split(/\s*\n\s*/).sort().join() : text.trim())
  return terms.filter(([term, , kind]) => plain(before[term], kind) !== plain(after[term], kind)).map(([term]) => ({ term, before: before[term], after: after[term] }))
}
