// Locks the console after a while without use, on the node and on the screen.
import { useEffect } from 'react'
import { call } from '../api/client'
import { forget } from '../api/queries'
import { locked, unlocked } from './locked'

export async function lock() {
  locked()
  const told = await call('POST', '/session/lock').then(() => true, () => false)
  if (told) unlocked()
  forget(null)
}

const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

/** useIdleLock locks after so many seconds without a sign of somebody. */
export function useIdleLock(seconds: number) {
  useEffect(() => {
    if (!seconds) return
    let last = Date.now()
    const seen = () => void (last = Date.now())
    for (const sign of signs) addEventListener(sign, seen, { passive: true })
    // Looked at on a clock: a machine that slept wakes up locked.
    const clock = setInterval(() => {
      if (Date.now() - last >= seconds * 1000) void lock()
    }, Math.min(5000, seconds * 250))
    return () => {
      clearInterval(clock)
      for (const sign of signs) removeEventListener(sign, seen)
    }
  }, [seconds])
}
