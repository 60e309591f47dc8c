// What somebody writes outlives a dropped line, a lock, a crash and a reload: it
// is kept in this browser until it was sent, and goes when they sign out.
import { useCallback, useEffect, useState } from 'react'

const prefix = 'parley.draft.'

const storage = <T>(use: () => T): T | undefined => {
  try {
    return use()
  } catch {
    return undefined // storage is closed to us or full; the text lives on in the page
  }
}

/** useDraft is useState for text that must not be lost. `sent` forgets it. */
export function useDraft(key: string, initial = ''): [string, (text: string) => void, () => void] {
  const name = prefix + key
  const [text, setText] = useState(() => storage(() => localStorage.getItem(name)) ?? initial)
  useEffect(() => {
    storage(() => (text === initial ? localStorage.removeItem(name) : localStorage.setItem(name, text)))
  }, [name, text, initial])
  const sent = useCallback(() => {
    storage(() => localStorage.removeItem(name))
    setText(initial)
  }, [name, initial])
  return [text, setText, sent]
}

/** dropDrafts forgets all that was not sent. */
export function dropDrafts() {
  storage(() => {
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key)
  })
}
