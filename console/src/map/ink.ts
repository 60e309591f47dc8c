// The colours of drawings on canvas. They come from the style sheet.
import { useSyncExternalStore } from 'react'

const names = [
  'sea', 'land', 'land-near', 'land-on', 'border', 'border-inner', 'label', 'halo', 'mark', 'mark-text', 'mark-on', 'mark-rival',
] as const
export type Ink = Record<(typeof names)[number], string> & { font: string }

const dark = matchMedia('(prefers-color-scheme: dark)')
let made: { key: string; ink: Ink } | null = null

const inkKey = () => `${document.documentElement.lang} ${dark.matches}`

function follow(tell: () => void) {
  const language = new MutationObserver(tell)
  language.observe(document.documentElement, { attributes: true, attributeFilter: ['lang'] })
  dark.addEventListener('change', tell)
  return () => {
    language.disconnect()
    dark.removeEventListener('change', tell)
  }
}

/** useInk gives the map's colours, anew when the reader's theme or language changes. */
export function useInk(): Ink {
  const key = useSyncExternalStore(follow, inkKey)
  if (made?.key !== key) {
    const style = getComputedStyle(document.documentElement)
    const read = Object.fromEntries(names.map((n) => [n, style.getPropertyValue(`--map-${n}`).trim()]))
    made = { key, ink: { ...read, font: getComputedStyle(document.body).fontFamily } as Ink }
  }
  return made.ink
}
