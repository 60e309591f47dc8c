// The whole view lives in the fragment: `#/page/id?key=value`. The page can be
// reloaded, shared and gone back from; the server only ever sees "/".
import { useSyncExternalStore } from 'react'

export const pages = ['overview', 'situation', 'watch', 'fusion', 'inbox', 'library', 'release', 'ask', 'deconflict', 'operations', 'accords', 'ledger', 'oversight', 'admin', 'me'] as const
export type Page = (typeof pages)[number]
export type Route = { page: Page; id: string; query: Readonly<Record<string, string>> }

/** pagesOf a role: an auditor sees that things happened, not what they were. */
export function pagesOf(role: string): readonly Page[] {
  if (role === 'auditor') return ['ledger', 'accords', 'oversight', 'me']
  return role === 'operator' ? pages : pages.filter((page) => page !== 'admin' && page !== 'oversight')
}

const isPage = (text: string): text is Page => (pages as readonly string[]).includes(text)

/** parseRoute reads a fragment; an unknown page leads to the overview. */
export function parseRoute(fragment: string): Route {
  const [path = '', search = ''] = fragment.replace(/^#?\/?/, '').split(/\?(.*)/s)
  const [page = '', ...rest] = path.split('/')
  return {
    page: isPage(page) ? page : 'overview',
    id: isPage(page) ? decode(rest.join('/')) : '',
    query: Object.fromEntries(new URLSearchParams(search)),
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** formatRoute writes the fragment that parseRoute reads; empty values are left out. */
export function formatRoute(route: {
  page: Page
  id?: string
  query?: Readonly<Record<string, string | undefined>>
}): string {
  const set = Object.entries(route.query ?? {}).filter((pair): pair is [string, string] => !!pair[1])
  const search = set.length ? '?' + new URLSearchParams(set) : ''
  return `#/${route.page}${route.id ? '/' + encodeURIComponent(route.id) : ''}${search}`
}

/** link turns a page reference of the API ("inbox", "/inbox/ID") into an address. */
export const link = (reference: string) => formatRoute(parseRoute(reference))

const listeners = new Set<() => void>()
const changed = () => listeners.forEach((tell) => tell())

function subscribe(tell: () => void) {
  if (listeners.size === 0) addEventListener('hashchange', changed)
  listeners.add(tell)
  return () => {
    listeners.delete(tell)
    if (listeners.size === 0) removeEventListener('hashchange', changed)
  }
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash))
}

export function go(route: Parameters<typeof formatRoute>[0]) {
  location.hash = formatRoute(route)
}

/** amend changes some of the view's parameters without a new history entry. */
export function amend(change: Readonly<Record<string, string | undefined>>) {
  const now = parseRoute(location.hash)
  const next = formatRoute({ ...now, query: { ...now.query, ...change } })
  if (next === location.hash) return
  history.replaceState(null, '', next)
  changed()
}

/** takeToken returns the one-time token of a sign-in link and removes it from
 * the address and from history at once, so that it is not kept or shared. */
export function takeToken(): string {
  const token = tokenIn(location.hash)
  if (token) history.replaceState(null, '', location.pathname + '#/overview')
  return token
}

/** takeSetup does the same with the token of a new node's set-up link. */
export function takeSetup(): string {
  const found = /[#&]setup=([^&\s]+)/.exec(location.hash)?.[1] ?? ''
  if (found) history.replaceState(null, '', location.pathname + '#/me')
  return decode(found)
}

export function tokenIn(address: string): string {
  const match = /[#&]token=([^&\s]+)/.exec(address)
  return match?.[1] ? decode(match[1]) : ''
}
