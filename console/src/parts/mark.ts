export type Mark = 'north' | 'south' | 'guarantor' | 'other'

/** markOf picks the colour and emblem of a party. Only the node's own party
 * carries its mark in the API; the others are known by their name. */
export function markOf(...hints: (string | undefined)[]): Mark {
  for (const hint of hints) {
    const found = /north|south|guarantor|witness/i.exec(hint ?? '')?.[0].toLowerCase()
    if (found === 'witness') return 'guarantor'
    if (found) return found as Mark
  }
  return 'other'
}
