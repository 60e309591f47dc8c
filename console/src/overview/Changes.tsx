// What happened since the person was last here, by kind of act.
import { useEffect, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { ledger } from '../api/queries'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Empty, Moment, Panel } from '../parts'
import { formatRoute } from '../route'

const stored = (key: string, put?: string) => {
  try {
    if (put !== undefined) localStorage.setItem(key, put)
    return localStorage.getItem(key) ?? ''
  } catch {
    return '' // without storage every visit is the first
  }
}

/** useLastVisit gives when the person was here before this visit. A visit lasts
 * until the page is left or hidden. */
function useLastVisit(who: string) {
  const key = `parley.seen.${who}`
  const [since, setSince] = useState(() => stored(key))
  useEffect(() => {
    const leave = () => void (document.visibilityState === 'hidden' && stored(key, new Date().toISOString()))
    document.addEventListener('visibilitychange', leave)
    addEventListener('pagehide', leave)
    return () => {
      document.removeEventListener('visibilitychange', leave)
      removeEventListener('pagehide', leave)
      stored(key, new Date().toISOString())
    }
  }, [key])
  const mark = (at: string) => {
    stored(key, at)
    setSince(at)
  }
  return [since, mark] as const
}

export function Changes(props: { who: string }) {
  const say = useSay()
  const term = useTerm()
  const [since, mark] = useLastVisit(props.who)
  const [before, setBefore] = useState('')
  const asked = useQuery({ ...ledger(''), enabled: since !== '' })
  if (!since) return null
  return (
    <Panel
      id="changes"
      title={say('changes.title')}
      note={<Moment at={since} />}
      className="changes-panel"
      tools={before
        ? <Act onPress={() => { mark(before); setBefore('') }}>{say('changes.undo')}</Act>
        : <Act onPress={() => { setBefore(since); mark(new Date().toISOString()) }}>{say('changes.seen')}</Act>}
    >
      <Asked of={asked}>
        {(data) => {
          const count = new Map<string, number>()
          for (const event of data.events ?? []) if (event.at > since) count.set(event.kind, (count.get(event.kind) ?? 0) + 1)
          if (!count.size) return <Empty title={say('changes.none')}>{say('changes.none-note')}</Empty>
          return (
            <ul className="rows">
              {[...count].sort((a, b) => b[1] - a[1]).map(([kind, n]) => (
                <li key={kind}>
                  <a href={formatRoute({ page: 'ledger', query: { kind } })}>{term('event', kind)}</a>
                  <span className="quiet">{say('changes.n', { n })}</span>
                </li>
              ))}
            </ul>
          )
        }}
      </Asked>
    </Panel>
  )
}
