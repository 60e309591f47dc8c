import { useCallback } from 'react'
import { useIntl } from 'react-intl'

/** useShare writes a share as a percentage, isolated from the text around it. */
export function useShare(): (share: number) => string {
  const { formatNumber } = useIntl()
  return useCallback((share) => `\u2066${formatNumber(share, { style: 'percent' })}\u2069`, [formatNumber])
}

/** useFigure writes a figure with the given number of decimals. */
export function useFigure(): (n: number, digits: number) => string {
  const { formatNumber } = useIntl()
  return useCallback(
    (n, digits) => formatNumber(n, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
    [formatNumber],
  )
}
