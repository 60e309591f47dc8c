import { useEffect, useState } from 'react'

const prefix = 'parley.draft.'

/** useDraft keeps what is being written over a reload or a closed page, in this
 * window alone and until its owner signs out. */
export function useDraft(name: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => kept(name))
  useEffect(() => {
    try {
      if (text) sessionStorage.setItem(prefix + name, text)
      else sessionStorage.removeItem(prefix + name)
    } catch {
      // Storage may be closed to us; the draft then lasts as long as the page.
    }
  }, [name, text])
  return [text, setText]
}

function kept(name: string): string {
  try {
    return sessionStorage.getItem(prefix + name) ?? ''
  } catch {
    return ''
  }
}

/** dropDrafts forgets what was being written, when its owner leaves. */
export function dropDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix)) sessionStorage.removeItem(key)
  } catch {
    // See useDraft.
  }
}
