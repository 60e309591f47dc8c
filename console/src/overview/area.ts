import { useCallback } from 'react'
import { useIntl } from 'react-intl'

/** areaKey folds the spellings of an administrative area to one key:
 * "Khyber Pakhtunkwa province" and "Khyber Pakhtunkhwa" are the same. */
export function areaKey(name: string): string {
  const key = name
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/&/g, ' and ')
    .replace(/\b(province|region|territory|district|wilayat|wilayah)\b/g, ' ')
    .replace(/[^\p{L}]+/gu, '-')
    .replace(/^-|-$/g, '')
  return same[key] ?? key
}

const same: Record<string, string> = {
  'khyber-pakhtunkwa': 'khyber-pakhtunkhwa',
  'nwfp': 'khyber-pakhtunkhwa',
  'fata': 'federally-administered-tribal-areas',
  'federally-administered-tribal': 'federally-administered-tribal-areas',
  'azad-jammu-and-kashmir': 'azad-kashmir',
  'baluchistan': 'balochistan',
  'islamabad': 'islamabad-capital',
  'sind': 'sindh',
}

/** useAreaName says a known area in the reader's language, else as it came. */
export function useAreaName(): (area: string) => string {
  const { locale, messages, formatMessage } = useIntl()
  return useCallback(
    (area) => {
      const id = `area.${areaKey(area)}`
      return locale !== 'en' && id in messages ? formatMessage({ id }) : area
    },
    [locale, messages, formatMessage],
  )
}
