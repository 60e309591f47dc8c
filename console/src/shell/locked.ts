// Remembers a lock that the node has not heard of yet.

// Set before the node is told, so that a dropped line or a reload does not open
// what is locked.
const flag = 'parley.locked'

const storage = <T>(use: () => T): T | undefined => {
  try {
    return use()
  } catch {
    return undefined // storage may be closed to us; the node's own lock remains
  }
}

/** locked is said before the node is told. */
export const locked = () => void storage(() => localStorage.setItem(flag, '1'))

/** unlocked is said after a sign-in, or when the node has locked the session itself. */
export const unlocked = () => void storage(() => localStorage.removeItem(flag))

/** stillLocked tells of a lock that the node has not heard of yet. */
export const stillLocked = () => storage(() => localStorage.getItem(flag)) === '1'
