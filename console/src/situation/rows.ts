// Fetches single reports as they come into sight, and keeps them.
import { useEffect, useState } from 'react'
import { call } from '../api/client'
import type { IncidentRow } from '../api/types'
import type { Columns } from './columns'

const kept = new WeakMap<Columns, Map<number, IncidentRow>>()
const asked = new WeakMap<Columns, Set<number>>()

/** rowsOf is what was fetched for these columns so far. */
function rowsOf(columns: Columns): Map<number, IncidentRow> {
  let rows = kept.get(columns)
  if (!rows) kept.set(columns, (rows = new Map()))
  return rows
}

/** useRows gives what is known of reports, and asks for the rest. */
export function useRows(columns: Columns, wanted: Uint32Array): Map<number, IncidentRow> {
  const [, redraw] = useState(0)
  const rows = rowsOf(columns)
  useEffect(() => {
    let under = asked.get(columns)
    if (!under) asked.set(columns, (under = new Set()))
    const missing = Array.from(wanted).filter((i) => !rows.has(i) && !under.has(i)).slice(0, 200)
    if (!missing.length) return
    for (const i of missing) under.add(i)
    const ids = missing.map((i) => columns.id(i))
    call<{ rows: IncidentRow[] }>('GET', '/incidents/rows?' + ids.map((id) => `id=${id}`).join('&'))
      .then((answer) => {
        const byID = new Map(answer.rows.map((row) => [row.id, row]))
        missing.forEach((i, k) => {
          const row = byID.get(ids[k]!)
          if (row) rows.set(i, row)
        })
        redraw((n) => n + 1)
      })
      // What could not be fetched is asked for again when it comes into sight again;
      // the columns' part of each row stands there meanwhile.
      .catch(() => missing.forEach((i) => under.delete(i)))
  }, [columns, rows, wanted])
  return rows
}
