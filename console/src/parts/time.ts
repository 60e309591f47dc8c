// Absolute times, always with their zone; Gregorian and Solar Hijri.

type Calendar = 'gregory' | 'persian'

const tags: Record<string, string> = { en: 'en-GB' }
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(locale: string, calendar: Calendar, options: Intl.DateTimeFormatOptions) {
  const key = locale + calendar + JSON.stringify(options)
  let made = formatters.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat(`${tags[locale] ?? locale}-u-ca-${calendar}-nu-latn`, options)
    formatters.set(key, made)
  }
  return made
}

// Browsers know nothing of Pashto, and for Dari some write the months of Iran.
// Names of months are all that is missing, so they stand here in place of a
// polyfill with its table of time zones. From CLDR 48, ps and fa-AF.
const months: Record<string, Record<Calendar, readonly string[]>> = {
  ps: {
    gregory: ['جنوري', 'فبروري', 'مارچ', 'اپریل', 'مۍ', 'جون', 'جولای', 'اګست', 'سېپتمبر', 'اکتوبر', 'نومبر', 'دسمبر'],
    persian: ['وری', 'غویی', 'غبرګولی', 'چنګاښ', 'زمری', 'وږی', 'تله', 'لړم', 'لیندۍ', 'مرغومی', 'سلواغه', 'کب'],
  },
  prs: {
    gregory: ['جنوری', 'فبروری', 'مارچ', 'اپریل', 'می', 'جون', 'جولای', 'اگست', 'سپتمبر', 'اکتوبر', 'نومبر', 'دسمبر'],
    persian: ['حمل', 'ثور', 'جوزا', 'سرطان', 'اسد', 'سنبله', 'میزان', 'عقرب', 'قوس', 'جدی', 'دلو', 'حوت'],
  },
}

/** said is a date without its era: day, month by name and year, as far as asked for. */
function said(locale: string, calendar: Calendar, options: Intl.DateTimeFormatOptions, at: Date): string {
  const own = months[locale]?.[calendar]
  const parts = formatter(own ? 'en' : locale, calendar, own && options.month ? { ...options, month: 'numeric' } : options).formatToParts(at)
  if (!own) return parts.filter((part) => part.type !== 'era').map((part) => part.value).join('').trim()
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return [part('day').replace(/^0/, ''), own[Number(part('month')) - 1] ?? '', part('year')].filter(Boolean).join(' ')
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
  return `${said(locale, 'gregory', { ...day, ...zone }, at)}${comma[locale] ?? ', '}\u2066${clock}\u2069`
}

const comma: Record<string, string> = { ur: '، ', prs: '، ', ps: '، ' }

/** date of something known to the day, whatever the reader's zone. */
export const date = (locale: string, at: Date, precision = 'day') =>
  said(locale, 'gregory', shape(precision), at)

/** solarHijri is the same date in the calendar of Iran and Afghanistan. */
export const solarHijri = (locale: string, at: Date, precision = 'day') =>
  withEra(locale, shape(precision), at)

/** solarHijriOf gives the Solar Hijri date of a moment as the reader's zone has it. */
export const solarHijriOf = (locale: string, at: Date) => withEra(locale, day, at)

// Browsers name this era "AP" in most languages; its readers write otherwise.
const eras: Record<string, string> = { ur: 'ہ ش', prs: 'ه‍ ش', ps: 'ل' }

const withEra = (locale: string, options: Intl.DateTimeFormatOptions, at: Date) =>
  `${said(locale, 'persian', options, at)} ${eras[locale] ?? 'SH'}`

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
