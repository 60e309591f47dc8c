// What somebody writes outlives a dropped line, a lock, a crash and a reload: it
// is kept in this browser until it was sent, and goes when they sign out or
// somebody else signs in.
import { useCallback, useEffect, useState } from 'react'

const prefix = 'parley.draft.'
const owner = 'parley.drafts-of'

const attempt = <T>(use: () => T): T | undefined => {
  try {
    return use()
  } catch {
    return undefined // storage is closed to us or full; the text lives on in the page
  }
}

/** useDraft is useState for text that must not be lost. `sent` forgets it. What
 * is too delicate to outlive its window is kept for the `window` alone. */
export function useDraft(key: string, initial = '', place: 'browser' | 'window' = 'browser'): [string, (text: string) => void, () => void] {
  const name = prefix + key
  const storage = () => (place === 'window' ? sessionStorage : localStorage)
  const [text, setText] = useState(() => attempt(() => storage().getItem(name)) ?? initial)
  useEffect(() => {
    attempt(() => (text === initial ? storage().removeItem(name) : storage().setItem(name, text)))
  }, [name, text, initial])
  const sent = useCallback(() => {
    attempt(() => storage().removeItem(name))
    setText(initial)
  }, [name, initial])
  return [text, setText, sent]
}

/** dropDrafts forgets all that was not sent. */
export function dropDrafts() {
  attempt(() => {
    for (const storage of [localStorage, sessionStorage])
      for (const key of Object.keys(storage)) if (key.startsWith(prefix)) storage.removeItem(key)
  })
}

/** claimDrafts says who is at the browser: what another one wrote is not theirs to read. */
export function claimDrafts(name: string) {
  attempt(() => {
    if (localStorage.getItem(owner) !== name) dropDrafts()
    localStorage.setItem(owner, name)
  })
}
