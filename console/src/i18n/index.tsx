// Languages: which there are, which is chosen, and the helpers that pages use.
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { createIntl, createIntlCache, RawIntlProvider, useIntl, type IntlShape } from 'react-intl'
import { I18nProvider } from 'react-aria-components/I18nProvider'
import type en from './en.json'
import type work from './work/en.json'

export type MessageId = keyof typeof en | keyof typeof work

type Catalogue = Record<MessageId, never>
type Language = {
  name: string
  dir: 'ltr' | 'rtl'
  /** The locale whose numbers and plural forms are used. Browsers have none for
   * Pashto; English writes the same digits and tells one from many at the same
   * places. Dari is a Persian with Western digits here. */
  data: string
  load: () => Promise<{ default: unknown }>
}

// Adding a language: its catalogue, one line here, a column in glossary.md, and
// its months in parts/time.ts where browsers do not know them.
export const languages = {
  en: { name: 'English', dir: 'ltr', data: 'en', load: () => import('./en.json') },
  ur: { name: 'اردو', dir: 'rtl', data: 'ur', load: () => import('./ur.json') },
  ps: { name: 'پښتو', dir: 'rtl', data: 'en', load: () => import('./ps.json') },
  prs: { name: 'دری', dir: 'rtl', data: 'fa-AF-u-nu-latn', load: () => import('./prs.json') },
} as const satisfies Record<string, Language>

export type Tongue = keyof typeof languages

const remembered = 'parley.language'
const cache = createIntlCache()

export function chosen(): Tongue {
  const known = (tag: string | null): tag is Tongue => !!tag && tag in languages
  const kept = read()
  if (known(kept)) return kept
  // Who reads Persian reads Dari.
  const asked = navigator.languages.map((tag) => tag.split('-')[0] ?? '')
  return asked.map((tag) => (tag === 'fa' ? 'prs' : tag)).find(known) ?? 'en'
}

function read(): string | null {
  try {
    return localStorage.getItem(remembered)
  } catch {
    return null // storage may be closed to us; the choice then lasts for this page
  }
}

export async function load(tongue: Tongue): Promise<IntlShape> {
  const catalogue = await languages[tongue].load()
  const root = document.documentElement
  root.lang = tongue
  root.dir = languages[tongue].dir
  const intl = createIntl(
    { locale: languages[tongue].data, messages: catalogue.default as Catalogue, onWarn: () => {} },
    cache,
  )
  // Pages ask for the language by this; what formats has taken its locale already.
  return { ...intl, locale: tongue }
}

const Choice = createContext<{ tongue: Tongue; choose: (tongue: Tongue) => void }>({
  tongue: 'en',
  choose: () => {},
})

export const useLanguage = () => use(Choice)

export function Languages(props: { first: IntlShape; children: ReactNode }) {
  const [intl, setIntl] = useState(props.first)
  const tongue = intl.locale as Tongue
  const choose = useCallback((next: Tongue) => {
    try {
      localStorage.setItem(remembered, next)
    } catch {
      // See read.
    }
    void load(next).then(setIntl)
  }, [])
  useEffect(() => {
    // Another tab's choice is followed, so that two windows do not disagree.
    const follow = (event: StorageEvent) => {
      if (event.key === remembered) void load(chosen()).then(setIntl)
    }
    addEventListener('storage', follow)
    return () => removeEventListener('storage', follow)
  }, [])
  const choice = useMemo(() => ({ tongue, choose }), [tongue, choose])
  return (
    <Choice value={choice}>
      <RawIntlProvider value={intl}>
        <I18nProvider locale={tongue === 'prs' ? 'fa-AF' : tongue}>{props.children}</I18nProvider>
      </RawIntlProvider>
    </Choice>
  )
}

export type Say = (id: MessageId, values?: Record<string, string | number>) => string

/** useSay gives the function that says a message in the chosen language. */
export function useSay(): Say {
  const intl = useIntl()
  return useCallback((id, values) => intl.formatMessage({ id }, values), [intl])
}

/** termKey names the message of a term that the API sends as a plain word. */
export const termKey = (group: string, word: string) =>
  `${group}.${word.trim().toLowerCase().replace(/[\s_./:]+/g, '-')}`

/** useTerm translates a known term; an unknown one stays as the node sent it. */
export function useTerm(): (group: string, word: string) => string {
  const intl = useIntl()
  return useCallback(
    (group, word) => {
      const id = termKey(group, word)
      return id in intl.messages ? intl.formatMessage({ id }) : word
    },
    [intl],
  )
}
