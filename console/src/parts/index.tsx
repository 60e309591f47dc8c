// The small pieces that every page is made of.
import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useIntl } from 'react-intl'
import { Button, type ButtonProps } from 'react-aria-components/Button'
import { Disclosure, DisclosurePanel } from 'react-aria-components/Disclosure'
import { Heading } from 'react-aria-components/Heading'
import { Problem } from '../api/client'
import { accords } from '../api/queries'
import { useSay, useTerm, type MessageId } from '../i18n'
import { Emblem } from './Emblem'
import { Icon, type IconName } from './Icon'
import { markOf } from './mark'
import * as time from './time'

/** Text isolates what others wrote from the direction of the page. */
export const Text = (props: { children: string }) => <bdi>{props.children}</bdi>

/** usePartyName gives the name of a party by its id, as the accords say it. */
export function usePartyName(): (id: string) => string {
  const { data } = useQuery({ ...accords, refetchInterval: false, staleTime: 60_000 })
  return (id) => data?.accords?.flatMap((a) => [...a.members, ...(a.witnesses ?? [])]).find((p) => p.party === id)?.name ?? id
}

/** PartyName shows a party by emblem and name. Where the API gives its id alone,
 * the accords say the name. */
export function PartyName(props: { id?: string; name: string; size?: number }) {
  const nameOf = usePartyName()
  const id = props.id || props.name
  const name = nameOf(id)
  return (
    <span className="party">
      <Emblem mark={markOf(props.id, props.name)} size={props.size ?? 15} />
      <bdi>{name === id ? props.name || id : name}</bdi>
    </span>
  )
}

/** Moment is a point in time with its zone; `solar` adds the Solar Hijri date. */
export function Moment(props: { at: string | null | undefined; solar?: boolean; absent?: MessageId }) {
  const { locale } = useIntl()
  const say = useSay()
  const at = time.instant(props.at)
  if (!at) return <span className="quiet">{say(props.absent ?? 'none')}</span>
  return (
    <time dateTime={at.toISOString()} className="moment">
      <bdi>{time.moment(locale, at)}</bdi>
      {props.solar && <bdi className="solar">{time.solarHijriOf(locale, at)}</bdi>}
    </time>
  )
}

/** Day is a date known to the given precision, the same in every zone. */
export function Day(props: { at: string | null | undefined; precision?: string; solar?: boolean }) {
  const { locale } = useIntl()
  const say = useSay()
  const at = time.instant(props.at)
  if (!at) return <span className="quiet">{say('none')}</span>
  return (
    <time dateTime={at.toISOString().slice(0, 10)} className="moment">
      <bdi>{time.date(locale, at, props.precision)}</bdi>
      {props.solar && <bdi className="solar">{time.solarHijri(locale, at, props.precision)}</bdi>}
    </time>
  )
}

/** Marking shows a TLP label as the standard prints it: always as text. */
export function Marking(props: { label: string }) {
  const say = useSay()
  if (!props.label) return <span className="quiet">{say('unmarked')}</span>
  const level = /RED|AMBER|GREEN|CLEAR/.exec(props.label.toUpperCase())?.[0].toLowerCase() ?? 'other'
  return (
    <span className={`tlp tlp-${level}`} dir="ltr">
      {props.label}
    </span>
  )
}

/** Grading shows an Admiralty grade and, in full, what its two signs mean. */
export function Grading(props: { grade: string; full?: boolean }) {
  const say = useSay()
  const term = useTerm()
  const [, source, content] = /^([A-F])([1-6])$/.exec(props.grade) ?? []
  if (!props.grade) return <span className="quiet">{say('ungraded')}</span>
  const words = source && content ? `${term('source', source)} · ${term('content', content)}` : ''
  return (
    <span className="grading">
      <abbr dir="ltr" title={words || undefined}>
        {props.grade}
      </abbr>
      {props.full && words && <span className="words">{words}</span>}
    </span>
  )
}

const tones: Record<string, string> = {
  'in force': 'good', suspended: 'warn', offered: 'info', draft: 'info', ended: 'off',
  open: 'warn', answered: 'good', declined: 'off', refused: 'off', new: 'info', read: 'off',
}

export function State(props: { state: string }) {
  const term = useTerm()
  return <span className={`state tone-${tones[props.state] ?? 'off'}`}>{term('state', props.state)}</span>
}

/** Digest shortens a long hexadecimal or key string; all of it is in the title
 * and is what a screen reader or a copy gets. */
export function Digest(props: { value: string; keep?: number }) {
  const keep = props.keep ?? 10
  const value = props.value
  if (!value) return <span className="quiet">–</span>
  return (
    <code className="digest" dir="ltr" title={value}>
      {value.length > keep * 2 + 1 ? `${value.slice(0, keep)}…${value.slice(-4)}` : value}
    </code>
  )
}

/** ProblemNote says what went wrong and what to do next. */
export function ProblemNote(props: { error: unknown; again?: () => void }) {
  const say = useSay()
  const error = props.error
  const status = error instanceof Problem ? error.status : -1
  const advice: MessageId =
    status === 0 ? 'problem.unreachable'
    : status === 401 ? 'problem.signed-out'
    : status === 403 ? 'problem.forbidden'
    : status === 404 ? 'problem.missing'
    : status === 409 ? 'problem.conflict'
    : status >= 500 ? 'problem.server'
    : 'problem.other'
  return (
    <div className="problem" role="alert">
      <Icon name="warn" />
      <div>
        {error instanceof Problem && (error.detail || error.title) && (
          <p className="cause" dir="auto">{error.detail || error.title}</p>
        )}
        <p>{say(advice)}</p>
      </div>
      {props.again && <Act onPress={props.again}>{say('again')}</Act>}
    </div>
  )
}

export function Loading() {
  const say = useSay()
  return (
    <div className="loading" role="status">
      <span className="bars" aria-hidden="true" />
      {say('loading')}
    </div>
  )
}

export function Empty(props: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{props.title}</p>
      {props.children && <p>{props.children}</p>}
    </div>
  )
}

/** Asked draws an answer once it is there, and says so while it is not. An
 * answer already on the page stays when a later poll fails. */
export function Asked<T>(props: {
  of: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown }
  children: (data: T) => ReactNode
}) {
  const { data, error, refetch } = props.of
  return (
    <>
      {error != null && <ProblemNote error={error} again={() => void refetch()} />}
      {data !== undefined ? props.children(data) : error == null && <Loading />}
    </>
  )
}

/** Act is the console's button. */
export function Act(props: ButtonProps & { kind?: 'plain' | 'main' | 'grave'; icon?: IconName }) {
  const { kind = 'plain', icon, children, ...rest } = props
  return (
    <Button {...rest} className={`act act-${kind}`}>
      {icon && <Icon name={icon} size={16} />}
      {children as ReactNode}
    </Button>
  )
}

/** Fold hides detail that few need, one press away. */
export function Fold(props: { title: string; children: ReactNode; open?: boolean; level?: 2 | 3 }) {
  return (
    <Disclosure className="fold" defaultExpanded={props.open ?? false}>
      <Heading className="fold-head" level={props.level ?? 3}>
        <Button slot="trigger" className="fold-act">
          <span className="fold-mark" aria-hidden="true" />
          {props.title}
        </Button>
      </Heading>
      <DisclosurePanel className="fold-body">{props.children}</DisclosurePanel>
    </Disclosure>
  )
}

/** Panel is a titled part of a page. */
export function Panel(props: {
  title: string
  id: string
  note?: ReactNode
  tools?: ReactNode
  className?: string
  children: ReactNode
}) {
  return (
    <section className={`panel ${props.className ?? ''}`} aria-labelledby={props.id}>
      <header className="panel-head">
        <h2 id={props.id}>{props.title}</h2>
        {props.note && <p className="panel-note">{props.note}</p>}
        {props.tools && <div className="panel-tools">{props.tools}</div>}
      </header>
      {props.children}
    </section>
  )
}

/** Choice is one of a few options in a filter. */
export function Choice(props: {
  label: string
  value: string
  options: readonly (readonly [string, string])[]
  onChange: (value: string) => void
}) {
  return (
    <label className="choice">
      <span className="label">{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.target.value)}>
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
