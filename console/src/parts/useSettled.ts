import { useEffect, useState } from 'react'

/** useSettled follows a value once it has rested for a moment, so that typing
 * does not ask the node at every letter. */
export function useSettled<T>(value: T, rest = 200): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), rest)
    return () => clearTimeout(timer)
  }, [value, rest])
  return settled
}
