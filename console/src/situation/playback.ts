// Lets time run over the filter: a window of days that moves from bar to bar.
import { useCallback, useEffect, useMemo, useState } from 'react'
import { amend, useRoute } from '../route'
import type { Columns } from './columns'
import { dayOf, textOf, type Filter } from './filter'

/** Lengths of the window in days. */
export const windows = [7, 28, 91] as const

const tick = 250 // ms

export type Playback = {
  /** The filter with the window in place of its days, where there is one. */
  filter: Filter
  /** The last day of the window; null: time does not run. */
  at: number | null
  window: number
  running: boolean
  first: number
  last: number
  start: () => void
  pause: () => void
  end: () => void
  seek: (day: number) => void
}

/** usePlayback keeps where time stands in the address, while it rests. */
export function usePlayback(columns: Columns, filter: Filter): Playback {
  const { query } = useRoute()
  const window = windows.find((w) => String(w) === query.window) ?? 28
  const held = dayOf(query.play ?? '')
  const [moving, setMoving] = useState<number | null>(null)
  const at = moving ?? held
  const running = moving !== null
  // Newest first, so the last one is the oldest.
  const first = filter.from ?? columns.day[columns.n - 1]!
  const last = filter.to ?? columns.day[0]!
  const rest = useCallback((day: number | null) => {
    setMoving(null)
    amend({ play: day === null ? '' : textOf(day) })
  }, [])
  useEffect(() => {
    if (moving === null) return
    const next = setTimeout(() => {
      if (moving >= last) rest(last)
      else setMoving(Math.min(last, moving + Math.max(1, Math.round(window / 4))))
    }, tick)
    return () => clearTimeout(next)
  }, [moving, last, window, rest])
  const shown = useMemo(() => (at === null ? filter : { ...filter, from: Math.max(first, at - window + 1), to: at }), [filter, at, window, first])
  return {
    filter: shown, at, window, running, first, last,
    start: () => setMoving(at === null || at >= last ? Math.min(last, first + window - 1) : at),
    pause: () => rest(at),
    end: () => rest(null),
    seek: (day) => rest(day),
  }
}
