/** instantOf turns what a clock in the reader's zone shows into a moment. */
export const instantOf = (local: string) => new Date(local).toISOString().replace('.000Z', 'Z')

/** localOf is the other way round, for a field that takes such a time. */
export function localOf(instant: string): string {
  const at = new Date(instant)
  if (Number.isNaN(at.getTime())) return ''
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
