// Absolute times, always with their zone; Gregorian and Solar Hijri.

const tags: Record<string, string> = { en: 'en-GB' }
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(locale: string, calendar: 'gregory' | 'persian', options: Intl.DateTimeFormatOptions) {
  const key = locale + calendar + JSON.stringify(options)
  let made = formatters.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat(`${tags[locale] ?? locale}-u-ca-${calendar}-nu-latn`, options)
    formatters.set(key, made)
  }
  return made
}

/** instant reads an RFC 3339 time or a date; null for anything else. The zero
 * time that Go writes for "never" counts as nothing. */
export function instant(text: string | null | undefined): Date | null {
  if (!text || text.startsWith('0001-01-01')) return null
  const date = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? text + 'T00:00:00Z' : text)
  return Number.isNaN(date.getTime()) ? null : date
}

const day = { day: 'numeric', month: 'short', year: 'numeric' } as const

/** moment: "22 Nov 2026, 17:06 GMT+5", in the reader's zone unless told otherwise. */
export function moment(locale: string, at: Date, timeZone?: string): string {
  const zone = timeZone ? { timeZone } : {}
  const clock = formatter('en', 'gregory', {
    hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short', ...zone,
  }).format(at)
  // The clock and its zone read from left to right in every language.
  return `${formatter(locale, 'gregory', { ...day, ...zone }).format(at)}${comma[locale] ?? ', '}\u2066${clock}\u2069`
}

const comma: Record<string, string> = { ur: '، ', prs: '، ', ps: '، ' }

/** date of something known to the day, whatever the reader's zone. */
export const date = (locale: string, at: Date, precision = 'day') =>
  formatter(locale, 'gregory', shape(precision)).format(at)

/** solarHijri is the same date in the calendar of Iran and Afghanistan. */
export const solarHijri = (locale: string, at: Date, precision = 'day') =>
  withEra(locale, formatter(locale, 'persian', shape(precision)), at)

/** solarHijriOf gives the Solar Hijri date of a moment as the reader's zone has it. */
export const solarHijriOf = (locale: string, at: Date) => 
  withEra(locale, formatter(locale, 'persian', day), at)

// Browsers name this era "AP" in most languages; its readers write otherwise.
const eras: Record<string, string> = { ur: 'ہ ش', prs: 'ه‍ ش', ps: 'ل' }

function withEra(locale: string, format: Intl.DateTimeFormat, at: Date): string {
  const parts = format.formatToParts(at).filter((part) => part.type !== 'era')
  return `${parts.map((part) => part.value).join('').trim()} ${eras[locale] ?? 'SH'}`
}

function shape(precision: string): Intl.DateTimeFormatOptions {
  if (precision === 'year') return { year: 'numeric', timeZone: 'UTC' }
  if (precision === 'month') return { month: 'short', year: 'numeric', timeZone: 'UTC' }
  return { ...day, timeZone: 'UTC' }
}

/** monthYear labels the weekly chart's axis. */
export const monthYear = (locale: string, at: Date) => date(locale, at, 'month')

const week = 7 * 24 * 3600 * 1000

/** wholeWeeks from one date to another, never negative. */
export const wholeWeeks = (from: Date, to: Date) =>
  Math.max(0, Math.floor((to.getTime() - from.getTime()) / week))
