import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Operation } from '../api/types'

export type OperationAct = { kind: string; item?: string; fields?: Record<string, string>; digest?: string; text?: string }

/** useActs does acts in an operation; each is an entry of our ledger that the other
 * members get. */
export function useActs(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (act: OperationAct) => call<Operation>('POST', `/operations/${encodeURIComponent(id)}/acts`, { body: act }),
    onSuccess: () => queries.invalidateQueries(),
  })
}

/** newID names a new task, contact or decision. */
export const newID = () => crypto.randomUUID().slice(0, 8)
