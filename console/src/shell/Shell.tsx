import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useIntl } from 'react-intl'
import { call } from '../api/client'
import { forget, overview } from '../api/queries'
import type { Session } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Loading } from '../parts'
import { dropDrafts } from '../parts/draft'
import { moment } from '../parts/time'
import { Emblem } from '../parts/Emblem'
import { Mishap } from '../parts/Mishap'
import { Icon } from '../parts/Icon'
import { markOf } from '../parts/mark'
import { formatRoute, pages, pagesOf, parseRoute, useRoute, type Page } from '../route'
import { LanguageChoice } from './LanguageChoice'
import { useLive } from './live'
import { lock, useIdleLock } from './lock'

/** The code of each page. */
export const pieces = {
  overview: () => import('../overview/Overview'),
  situation: () => import('../situation/SituationPage'),
  watch: () => import('../watch/Watch'),
  fusion: () => import('../fusion/Fusion'),
  inbox: () => import('../inbox/Inbox'),
  library: () => import('../library/LibraryPage'),
  release: () => import('../release/ReleasePage'),
  ask: () => import('../ask/AskPage'),
  deconflict: () => import('../deconflict/DeconflictPage'),
  operations: () => import('../operations/OperationsPage'),
  accords: () => import('../accords/Accords'),
  ledger: () => import('../ledger/Ledger'),
  oversight: () => import('../oversight/Oversight'),
  admin: () => import('../admin/Admin'),
  me: () => import('../me/Me'),
} satisfies Record<Page, unknown>

const views = {
  overview: lazy(pieces.overview),
  situation: lazy(pieces.situation),
  watch: lazy(pieces.watch),
  fusion: lazy(pieces.fusion),
  inbox: lazy(pieces.inbox),
  library: lazy(pieces.library),
  release: lazy(pieces.release),
  ask: lazy(pieces.ask),
  deconflict: lazy(pieces.deconflict),
  operations: lazy(pieces.operations),
  accords: lazy(pieces.accords),
  ledger: lazy(pieces.ledger),
  oversight: lazy(pieces.oversight),
  admin: lazy(pieces.admin),
  me: lazy(pieces.me),
} satisfies Record<Page, unknown>

/** A line that drops must not keep a page from opening: once the first page
 * stands, the others are fetched too. */
function fetchAhead() {
  for (const piece of Object.values(pieces)) piece().catch(() => {})
}

/** Who signs in how is reached by the person's name, not by the list of pages. */
type NavPage = Exclude<Page, 'me'>
const inNav = (page: Page): page is NavPage => page !== 'me'

export function Shell(props: { session: Session }) {
  const { party, user, notice, version } = props.session
  const say = useSay()
  const term = useTerm()
  const asked = useRoute()
  const open = pagesOf(user.role)
  const route = open.includes(asked.page) ? asked : { ...asked, page: open[0]!, id: '' }
  const main = useRef<HTMLElement>(null)
  const mark = markOf(party.mark, party.id, party.name)
  const waiting = useWaiting(open.includes('overview'))
  const [leaving, setLeaving] = useState(false)

  useEffect(() => {
    document.title = `${say(`nav.${route.page}`)} · ${party.name} · Parley`
  }, [route.page, party.name, say])
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (icon) icon.href = `./marks/${mark}.svg`
    // On the root, so that dialogs, which stand outside the shell, have it too.
    const root = document.documentElement.classList
    root.add(`mark-${mark}`)
    return () => root.remove(`mark-${mark}`)
  }, [mark])
  usePageFocus(route.page, main)
  useIdleLock(props.session.lock_after)
  const line = useLive()
  const { locale } = useIntl()
  useEffect(() => {
    const soon = setTimeout(fetchAhead, 3000)
    return () => clearTimeout(soon)
  }, [])

  const leave = async () => {
    setLeaving(true)
    dropDrafts()
    try {
      await call('DELETE', '/session')
    } finally {
      // Nothing that was seen stays in memory, whatever the node answered.
      forget(null)
    }
  }

  const View = views[route.page]
  return (
    <div className="shell">
      <header className="strip">
        <a
          className="skip"
          href={formatRoute(route)}
          onClick={(event) => {
            event.preventDefault()
            main.current?.focus()
          }}
        >
          {say('skip')}
        </a>
        <div className="strip-party">
          <Emblem mark={mark} size={26} />
          <span className="strip-name">
            <bdi>{party.name}</bdi>
          </span>
          <span className="strip-role">{term('role', party.role)}</span>
        </div>
        <div className="strip-tools">
          <a className="strip-user" href={formatRoute({ page: 'me' })} aria-current={route.page === 'me' ? 'page' : undefined} title={say('nav.me')}>
            <Icon name="person" size={16} />
            <span className="narrow-hidden">
              <bdi>{user.name}</bdi> <span className="strip-role">{term('role', user.role)}</span>
            </span>
            <span className="unseen">{say('nav.me')}</span>
          </a>
          <LanguageChoice />
          <Act icon="lock" onPress={() => void lock()}>
            <span className="narrow-hidden">{say('lock')}</span>
          </Act>
          <Act icon="out" onPress={() => void leave()} isDisabled={leaving}>
            <span className="narrow-hidden">{say('sign-out')}</span>
          </Act>
        </div>
      </header>
      <div className="band" aria-hidden="true" />
      {notice && (
        <aside className="notice" aria-label={say('notice')}>
          <Icon name="warn" size={16} />
          <p>{/fiction/i.test(notice) ? say('notice.fictional') : <bdi>{notice}</bdi>}</p>
        </aside>
      )}
      <div role="status" className="line-state">
        {!line.up ? <p className="notice">{say('live.down', { at: moment(locale, line.since) })}</p> : line.back && <p className="unseen">{say('live.back')}</p>}
      </div>
      <div className="frame">
        <nav className="nav" aria-label={say('nav')}>
          <ul>
            {open.filter(inNav).map((page) => (
              <li key={page}>
                <a href={formatRoute({ page })} aria-current={page === route.page ? 'page' : undefined}>
                  <Icon name={page} />
                  <span>{say(`nav.${page}`)}</span>
                  {waiting[page] > 0 && page !== 'overview' && (
                    <span className="count">
                      <span aria-hidden="true">{waiting[page]}</span>
                      <span className="unseen">{say('nav.waiting', { n: waiting[page] })}</span>
                    </span>
                  )}
                </a>
              </li>
            ))}
          </ul>
          <p className="nav-foot">
            Parley <bdi>{version}</bdi>
          </p>
        </nav>
        <main id="main" ref={main} tabIndex={-1}>
          <Mishap key={route.page}>
            <Suspense fallback={<Loading />}>
              <View />
            </Suspense>
          </Mishap>
        </main>
      </div>
    </div>
  )
}

/** How many things wait on each page. */
function useWaiting(enabled: boolean): Record<Page, number> {
  const { data } = useQuery({ ...overview, enabled })
  const counts = Object.fromEntries(pages.map((page) => [page, 0])) as Record<Page, number>
  for (const entry of data?.waiting ?? []) counts[parseRoute(entry.page).page]++
  return counts
}

/** Moving to another page moves the reading position to its beginning. */
function usePageFocus(page: Page, main: React.RefObject<HTMLElement | null>) {
  const before = useRef(page)
  useEffect(() => {
    if (before.current === page) return
    before.current = page
    main.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [page, main])
}
