// Follows the node: server-sent events say that something changed, pages ask again
// for what they show. They carry no content themselves.
import { useEffect, useState } from 'react'
import { queries } from '../api/queries'

export type Line = { up: boolean; since: Date; back: boolean }

/** refresh asks again for what is shown and is asked for regularly anyway. */
const refresh = () =>
  queries.invalidateQueries({
    type: 'active',
    predicate: (asked) => !!(asked.observers[0]?.options as { refetchInterval?: unknown } | undefined)?.refetchInterval,
  })

/** useLive follows the node while the page can be seen, and tells how the line is. */
export function useLive(): Line {
  const [line, setLine] = useState<Line>({ up: true, since: new Date(), back: false })
  useEffect(() => {
    let source: EventSource | undefined
    let was = true
    const turn = (up: boolean) => {
      if (up !== was) setLine({ up, since: new Date(), back: up })
      was = up
    }
    const open = () => {
      if (source || document.visibilityState === 'hidden') return
      source = new EventSource('/api/v1/events')
      source.addEventListener('open', () => {
        if (!was) void refresh()
        turn(true)
      })
      source.addEventListener('changed', () => void refresh())
      // The session ended elsewhere: asking for anything leads to the sign-in.
      source.addEventListener('end', () => {
        close()
        void queries.invalidateQueries({ queryKey: ['session'] })
      })
      source.addEventListener('error', () => {
        turn(false)
        // Refused, not merely out of reach: the browser does not try again by itself.
        if (source?.readyState === EventSource.CLOSED) {
          close()
          void queries.invalidateQueries({ queryKey: ['session'] })
          again = setTimeout(open, 5000)
        }
      })
    }
    let again: ReturnType<typeof setTimeout> | undefined
    const close = () => {
      clearTimeout(again)
      source?.close()
      source = undefined
    }
    // A browser holds six connections to a host: pages in the background need none.
    const look = () => {
      if (document.visibilityState === 'hidden') return close()
      if (!source) void refresh()
      open()
    }
    open()
    document.addEventListener('visibilitychange', look)
    return () => {
      close()
      document.removeEventListener('visibilitychange', look)
    }
  }, [])
  return line
}
