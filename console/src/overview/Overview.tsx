import '../style/overview.css'
import { lazy, Suspense } from 'react'
import { useQuery } from '@tanstack/react-query'
import { overview, session } from '../api/queries'
import type { Overview as Data, Partner, Waiting } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Asked, Day, Empty, Loading, Moment, Panel, PartyName, State, Text } from '../parts'
import { Icon, type IconName } from '../parts/Icon'
import { instant } from '../parts/time'
import { formatRoute, link } from '../route'
import { Changes } from './Changes'

// The lists come first on a poor line; the picture follows in its own piece.
const Situation = lazy(() => import('./Situation'))

export default function Overview() {
  const say = useSay()
  const asked = useQuery(overview)
  const me = useQuery(session).data
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.overview')}</h1>
        {asked.data && <Holdings data={asked.data} />}
      </header>
      <Asked of={asked}>
        {(data) => (
          <div className="overview-top">
            <Panel id="waiting" title={say('waiting.title')} className="waiting-panel">
              <WaitingList waiting={data.waiting ?? []} />
            </Panel>
            <Panel id="partners" title={say('partners.title')}>
              <Partners partners={data.partners ?? []} />
            </Panel>
          </div>
        )}
      </Asked>
      {me && <Changes who={`${me.party.id}.${me.user.name}`} />}
      <Suspense fallback={<Loading />}>
        <Situation />
      </Suspense>
    </div>
  )
}

function Holdings(props: { data: Data }) {
  const say = useSay()
  const { counts, data } = props.data
  return (
    <p className="holdings">
      <span>{say('holdings.incidents', { n: counts.incidents })}</span>
      <span>{say('holdings.objects', { n: counts.objects })}</span>
      {data.from && data.to && (
        <span>
          <Day at={data.from} /> – <Day at={data.to} />
        </span>
      )}
    </p>
  )
}

const kinds: Record<string, IconName> = {
  request: 'request', accord: 'accords', inbox: 'inbox', alarm: 'warn',
}

function WaitingList(props: { waiting: Waiting[] }) {
  const say = useSay()
  const term = useTerm()
  if (!props.waiting.length) return <Empty title={say('waiting.none')}>{say('waiting.none-note')}</Empty>
  const order = [...props.waiting].sort(byUrgency)
  return (
    <ul className="waiting">
      {order.map((entry, i) => (
        <li key={i}>
          <a href={link(entry.page)} className={`waiting-item kind-${entry.kind}`}>
            <Icon name={kinds[entry.kind] ?? 'warn'} />
            <span className="waiting-what">
              <span className="waiting-title"><bdi>{entry.title}</bdi></span>
              <span className="waiting-kind">{term('waiting', entry.kind)}</span>
            </span>
            <span className="waiting-when">
              {entry.due ? (
                <>
                  <span className="label">{say(entry.due < new Date().toISOString() ? 'waiting.overdue' : 'due')}</span> <Moment at={entry.due} />
                </>
              ) : (
                <>
                  <span className="label">{say('since')}</span> <Moment at={entry.at} />
                </>
              )}
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}

/** Alarms first, then what is due soonest, then what has waited longest. */
function byUrgency(a: Waiting, b: Waiting): number {
  const rank = (w: Waiting) => (w.kind === 'alarm' ? 0 : w.due ? 1 : 2)
  return rank(a) - rank(b) || (a.due ?? a.at).localeCompare(b.due ?? b.at)
}

/** Link says in words how long ago the partner's node was reached. */
function Link(props: { at: string | null }) {
  const say = useSay()
  const at = instant(props.at)
  if (!at) return <>{say('partner.link-never')}</>
  const minutes = Math.floor((Date.now() - at.getTime()) / 60_000)
  if (minutes < 5) return <>{say('partner.link-up')}</>
  return <>{minutes < 120 ? say('partner.link-quiet', { n: minutes }) : say('partner.link-late', { n: Math.floor(minutes / 60) })}</>
}

function Partners(props: { partners: Partner[] }) {
  const say = useSay()
  const term = useTerm()
  if (!props.partners.length) return <Empty title={say('partners.none')}>{say('partners.none-note')}</Empty>
  return (
    <ul className="partners">
      {props.partners.map((partner) => (
        <li key={partner.party + partner.accord}>
          <div className="partner-head">
            <PartyName id={partner.party} name={partner.name} size={18} />
            <State state={partner.state} />
          </div>
          {partner.reason && <p className="partner-reason"><bdi>{partner.reason}</bdi></p>}
          <dl className="facts">
            <div>
              <dt>{say('partner.accord')}</dt>
              <dd>
                <a href={formatRoute({ page: 'accords', id: partner.accord })}>
                  <Text>{partner.accord_title || partner.accord}</Text>
                </a>
              </dd>
            </div>
            <div>
              <dt>{say('partner.rung')}</dt>
              <dd>{partner.rung ? term('rung', partner.rung) : say('none')}</dd>
            </div>
            <div>
              <dt>{say('partner.link')}</dt>
              <dd><Link at={partner.last_contact} /></dd>
            </div>
            <div>
              <dt>{say('partner.contact')}</dt>
              <dd>
                <Moment at={partner.last_contact} absent="never" />
              </dd>
            </div>
            <div>
              <dt>{say('partner.outgoing')}</dt>
              <dd>{say('partner.outgoing-n', { n: partner.waiting_out })}</dd>
            </div>
          </dl>
        </li>
      ))}
    </ul>
  )
}
