import './style/base.css'
import './style/shell.css'
import './style/parts.css'
import './style/me.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { QueryClientProvider } from '@tanstack/react-query'
import { App } from './App'
import { queries, session } from './api/queries'
import { chosen, Languages, load } from './i18n'
import { parseRoute, takeSetup, takeToken } from './route'
import { pieces } from './shell/Shell'

// React Aria empties its announcer through innerHTML. Nothing else may write
// markup: this policy lets the empty string pass and turns all else away.
type Policies = {
  createPolicy: (name: string, rules: { createHTML: (markup: string) => string | null }) => unknown
}
;(globalThis as { trustedTypes?: Policies }).trustedTypes?.createPolicy('default', {
  createHTML: (markup) => (markup === '' ? '' : null),
})

// The token leaves the address before anything else is done.
const token = takeToken()
const setup = takeSetup()

// What the first page needs is asked for side by side: on a poor line each answer
// takes its time. Whoever is not signed in loses nothing by it.
if (!token && !setup) {
  void queries.prefetchQuery(session)
  pieces[parseRoute(location.hash).page]().catch(() => {})
}

void load(chosen()).then((intl) => {
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Languages first={intl}>
          <App token={token} setup={setup} />
        </Languages>
      </QueryClientProvider>
    </StrictMode>,
  )
})
