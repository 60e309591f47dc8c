// What each page asks for, and how often again. The node tells when something
// changed (shell/live.ts); asking regularly besides covers what no event reaches.
import { keepPreviousData, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query'
import { claimDrafts } from '../parts/draft'
import { stillLocked, unlocked } from '../shell/locked'
import { call, Problem, query } from './client'
import type {
  Accord, AccountOf, Alarm, BrowserSession, Card, Coverage, Dispatch, Diversification, Exchange, Focus, Footprint, Found, FoundObject, Fused, Incidents, Item, KeptDraft, Ledger, MatchHistory, Operation,
  Me, Onsets, Overview, Pending, Question, Request, Session, Standing, Watch, Ways,
} from './types'

const soon = 10_000
const later = 60_000

export const queries = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, asked) => {
      // A session that ended elsewhere ends here too.
      const signedOut = error instanceof Problem && error.status === 401
      if (signedOut && asked.queryKey[0] !== 'session') queries.setQueryData(['session'], null)
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => error instanceof Problem && error.status === 0 && count < 1,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})

/** forget drops all that a session has seen, and puts another session or none
 * in its place. */
export function forget(next: Session | null) {
  queries.removeQueries({ predicate: (asked) => asked.queryKey[0] !== 'session' })
  queries.getMutationCache().clear()
  if (next !== null) claimDrafts(next.user.name)
  queries.setQueryData(['session'], next)
}

export const session = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    if (stillLocked()) {
      await call('POST', '/session/lock', { signal }).catch((error: unknown) => {
        if (!(error instanceof Problem && error.status === 401)) throw error
      })
      unlocked()
      return null
    }
    try {
      return await call<Session>('GET', '/session', { signal })
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null
      throw error
    }
  },
  staleTime: Infinity,
})

export const ways = queryOptions({
  queryKey: ['ways'],
  queryFn: ({ signal }) => call<Ways>('GET', '/session/ways', { signal }),
  staleTime: 0,
})

export const me = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => call<Me>('GET', '/me', { signal }),
})

export const mySessions = queryOptions({
  queryKey: ['my-sessions'],
  queryFn: ({ signal }) => call<{ sessions: BrowserSession[] }>('GET', '/me/sessions', { signal }),
})

export const overview = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => call<Overview>('GET', '/overview', { signal }),
  refetchInterval: soon,
})

export const watchOf = (horizon: number, by: string) =>
  queryOptions({
    queryKey: ['watch', horizon, by],
    queryFn: ({ signal }) => call<Watch>('GET', '/watch' + query({ horizon, by }), { signal }),
    refetchInterval: later,
  })

export const watch = watchOf(4, 'area')

export const onsets = (rate: number) =>
  queryOptions({
    queryKey: ['onsets', rate],
    queryFn: ({ signal }) => call<Onsets>('GET', '/watch/onsets' + query({ false_alarms: rate }), { signal }),
    refetchInterval: later,
  })

export const diversification = (weeks: number) =>
  queryOptions({
    queryKey: ['diversification', weeks],
    queryFn: ({ signal }) => call<Diversification>('GET', '/watch/diversification' + query({ weeks }), { signal }),
    refetchInterval: later,
  })

export const coverage = queryOptions({
  queryKey: ['coverage'],
  queryFn: ({ signal }) => call<{ plans: Coverage[] }>('GET', '/watch/coverage', { signal }),
  refetchInterval: later,
})

/** fused events, the newest `limit` of them. */
export const fused = (limit: number) =>
  queryOptions({
    queryKey: ['fusion', limit],
    queryFn: ({ signal }) => call<Fused>('GET', '/fusion' + query({ limit }), { signal }),
    refetchInterval: later,
    placeholderData: keepPreviousData,
  })

export const focuses = queryOptions({
  queryKey: ['focus'],
  queryFn: ({ signal }) => call<{ focus: Focus[] }>('GET', '/watch/focus', { signal }),
  refetchInterval: later,
})

/** incidents of a period; the area and class are filtered on this side, so that
 * changing them costs no transfer. */
export const incidents = (period: { from: string; to: string }) =>
  queryOptions({
    queryKey: ['incidents', period],
    queryFn: ({ signal }) =>
      call<Incidents>('GET', '/incidents' + query({ ...period, limit: 20_000 }), { signal }),
    refetchInterval: later,
    staleTime: 30_000,
  })

export const inbox = queryOptions({
  queryKey: ['inbox'],
  queryFn: ({ signal }) => call<{ items: Item[] | null }>('GET', '/inbox', { signal }),
  refetchInterval: soon,
})

export const item = (id: string) =>
  queryOptions({
    queryKey: ['inbox', id],
    queryFn: ({ signal }) => call<Item>('GET', `/inbox/${encodeURIComponent(id)}`, { signal }),
  })

export const requests = queryOptions({
  queryKey: ['requests'],
  queryFn: ({ signal }) => call<{ requests: Request[] | null }>('GET', '/requests', { signal }),
  refetchInterval: soon,
})

export const accords = queryOptions({
  queryKey: ['accords'],
  queryFn: ({ signal }) => call<{ accords: Accord[] | null }>('GET', '/accords', { signal }),
  refetchInterval: soon,
})

export const account = (accord: string, party: string) =>
  queryOptions({
    queryKey: ['account', accord, party],
    queryFn: ({ signal }) => call<AccountOf>('GET', `/accords/${encodeURIComponent(accord)}/account` + query({ party }), { signal }),
    refetchInterval: later,
  })

export const drafts = queryOptions({
  queryKey: ['drafts'],
  queryFn: ({ signal }) => call<{ drafts: KeptDraft[] | null }>('GET', '/drafts', { signal }),
})

export const ownCard = queryOptions({
  queryKey: ['card'],
  queryFn: ({ signal }) => call<Card>('GET', '/card', { signal }),
})

export const alarms = queryOptions({
  queryKey: ['alarms'],
  queryFn: ({ signal }) => call<{ alarms: Alarm[] | null }>('GET', '/alarms', { signal }),
  refetchInterval: soon,
})

export const ledger = (accord: string) =>
  queryOptions({
    queryKey: ['ledger', accord],
    queryFn: ({ signal }) =>
      call<Ledger>('GET', '/ledger' + query({ accord, limit: 500 }), { signal }),
    refetchInterval: soon,
  })

export const releases = queryOptions({
  queryKey: ['releases'],
  queryFn: ({ signal }) => call<{ releases: Pending[] }>('GET', '/releases', { signal }),
  refetchInterval: soon,
})

/** copies that went out: of one object, or the newest of all. */
export const copies = (object = '') =>
  queryOptions({
    queryKey: ['copies', object],
    queryFn: ({ signal }) => call<{ copies: Dispatch[] }>('GET', '/copies' + query({ object }), { signal }),
    refetchInterval: soon,
  })

export type Search = { q?: string; type?: string; marking?: string; party?: string; limit?: number; before?: number }

export const found = (search: Search) =>
  queryOptions({
    queryKey: ['search', search],
    queryFn: ({ signal }) => call<Found>('GET', '/search' + query(search), { signal }),
    placeholderData: keepPreviousData,
  })

export const questions = queryOptions({
  queryKey: ['questions'],
  queryFn: ({ signal }) => call<{ questions: Question[] | null }>('GET', '/match/questions', { signal }),
  refetchInterval: soon,
})

export const standing = queryOptions({
  queryKey: ['standing'],
  queryFn: ({ signal }) => call<{ standing: Standing[] | null }>('GET', '/match/standing', { signal }),
  refetchInterval: soon,
})

export const matchHistory = queryOptions({
  queryKey: ['match-history'],
  queryFn: ({ signal }) => call<MatchHistory>('GET', '/match/history', { signal }),
  refetchInterval: soon,
})

const part = (id: string, rest = '') => `/objects/${encodeURIComponent(id)}${rest}`

export const objectOf = (id: string) =>
  queryOptions({ queryKey: ['object', id], queryFn: ({ signal }) => call<unknown>('GET', part(id), { signal }) })

export const versions = (id: string) =>
  queryOptions({
    queryKey: ['versions', id],
    queryFn: ({ signal }) => call<{ versions: FoundObject[] }>('GET', part(id, '/versions'), { signal }),
    staleTime: 60_000,
  })

export const relationships = (id: string) =>
  queryOptions({
    queryKey: ['relationships', id],
    queryFn: ({ signal }) => call<{ relationships: FoundObject[] }>('GET', part(id, '/relationships'), { signal }),
  })

export const footprints = queryOptions({
  queryKey: ['footprints'],
  queryFn: ({ signal }) => call<{ footprints: Footprint[] | null }>('GET', '/deconflict/footprints', { signal }),
  refetchInterval: soon,
})

export const exchanges = queryOptions({
  queryKey: ['exchanges'],
  queryFn: ({ signal }) => call<{ exchanges: Exchange[] | null }>('GET', '/deconflict/exchanges', { signal }),
  refetchInterval: soon,
})

export const operations = queryOptions({
  queryKey: ['operations'],
  queryFn: ({ signal }) => call<{ operations: Operation[] | null }>('GET', '/operations', { signal }),
  refetchInterval: soon,
})
