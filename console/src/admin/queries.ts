// What the administration page asks for.
import { queryOptions } from '@tanstack/react-query'
import { call } from '../api/client'
import type { BrowserSession } from '../api/types'

export type Check = { name: string; ok: boolean; found: string; do?: string }
export type Person = { name: string; role: string; passkeys: number; password: boolean; account: string; link?: string }
export type Feed = { name: string; url: string; kind: string; last_run?: string; error?: string; taken: number; refused_total: number }
export type Expiry = { what: string; name: string; own: boolean; at: string }
export type Rehearsal = { at: string; by: string; ok: boolean; found: string; bytes: number }
export type Files = Record<string, string>

const ask = <T>(key: string, path: string, refetchInterval: number | false = 60_000) =>
  queryOptions({ queryKey: [key], queryFn: ({ signal }) => call<T>('GET', path, { signal }), refetchInterval })

export const health = ask<{ checks: Check[] }>('health', '/examine')
export const people = ask<{ people: Person[] }>('people', '/people')
export const sessions = ask<{ sessions: BrowserSession[] }>('sessions', '/sessions')
export const feeds = ask<{ feeds: Feed[] | null }>('feeds', '/feeds')
export const calendar = ask<{ dates: Expiry[] }>('calendar', '/calendar')
export const recoveries = ask<{ recoveries: unknown[] | null }>('recoveries', '/recoveries')
export const rehearsal = ask<{ last: Rehearsal | null }>('rehearsal', '/rehearsal')
// Not asked for again while somebody edits.
export const policy = ask<{ files: Files }>('policy', '/policy', false)
