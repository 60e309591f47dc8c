// The messages of the pages on which people work. They come with these pages, so
// that the first one stays small on a poor line.
import { use, useMemo, type ComponentType } from 'react'
import { createIntl, createIntlCache, RawIntlProvider, useIntl } from 'react-intl'
import { languages, useLanguage, type Tongue } from '.'

type Messages = Record<string, never>

const files = import.meta.glob<{ default: Messages }>('./work/*.json')
const cache = createIntlCache()
const fetched = new Map<Tongue, Promise<Messages>>()

function messagesOf(tongue: Tongue): Promise<Messages> {
  const asked = fetched.get(tongue)
  if (asked) return asked
  const file = files[`./work/${tongue}.json`] ?? files['./work/en.json']!
  const coming = file().then((module) => module.default)
  fetched.set(tongue, coming)
  // What a dropped line kept away is asked for again.
  coming.catch(() => fetched.delete(tongue))
  return coming
}

/** worked gives a page the messages that it needs besides the console's own. */
export function worked(Page: ComponentType): ComponentType {
  return function Worked() {
    const intl = useIntl()
    const { tongue } = useLanguage()
    const more = use(messagesOf(tongue))
    const whole = useMemo(() => {
      const locale = (languages[tongue] as { data?: string }).data ?? tongue
      return { ...createIntl({ locale, messages: { ...intl.messages, ...more }, onWarn: () => {} }, cache), locale: tongue }
    }, [intl, more, tongue])
    return (
      <RawIntlProvider value={whole}>
        <Page />
      </RawIntlProvider>
    )
  }
}
