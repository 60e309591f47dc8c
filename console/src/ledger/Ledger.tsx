import '../style/ledger.css'
import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { receiptAddress } from '../api/client'
import { accords, ledger } from '../api/queries'
import type { LedgerEvent, Log } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Digest, Empty, Moment, Panel, PartyName } from '../parts'
import { Icon } from '../parts/Icon'
import { amend, useRoute } from '../route'
import { Alarms } from './Alarms'
import { FileProof, Proof } from './Proof'

export default function LedgerPage() {
  const say = useSay()
  const { query } = useRoute()
  const accord = query.accord ?? ''
  const asked = useQuery(ledger(accord))
  const agreements = useQuery(accords)
  const known = agreements.data?.accords ?? []
  return (
    <div className="page ledger">
      <header className="page-head">
        <h1>{say('nav.ledger')}</h1>
        <p className="holdings">{say('ledger.lead')}</p>
      </header>
      {known.length > 0 && (
        <div className="filter">
          <label className="choice">
            <span className="label">{say('ledger.accord')}</span>
            <select value={accord} onChange={(event) => amend({ accord: event.target.value })}>
              <option value="">{say('ledger.all-accords')}</option>
              {known.map((one) => (
                <option key={one.id} value={one.id}>{one.title}</option>
              ))}
            </select>
          </label>
        </div>
      )}
      <Asked of={asked}>
        {(data) => (
          <>
            <Logs logs={data.logs ?? []} />
            <Events events={data.events ?? []} logs={data.logs ?? []} />
            <Alarms />
            <FileProof />
          </>
        )}
      </Asked>
    </div>
  )
}

function Logs(props: { logs: Log[] }) {
  const say = useSay()
  if (!props.logs.length) return <Empty title={say('ledger.no-logs')}>{say('ledger.no-logs-note')}</Empty>
  return (
    <Panel id="logs" title={say('ledger.logs')} note={say('ledger.logs-note')}>
      <ul className="logs">
        {props.logs.map((log) => (
          <li key={log.log}>
            <p className="log-head">
              <PartyName name={log.party} size={18} />
              <span className="log-size">{say('ledger.size', { n: log.size })}</span>
            </p>
            <dl className="facts">
              <div>
                <dt>{say('ledger.log')}</dt>
                <dd><Digest value={log.log} keep={16} /></dd>
              </div>
              <div>
                <dt>{say('ledger.root')}</dt>
                <dd><Digest value={log.root} keep={16} /></dd>
              </div>
              <div>
                <dt>{say('ledger.at')}</dt>
                <dd><Moment at={log.at} /></dd>
              </div>
              <div>
                <dt>{say('ledger.cosigned')}</dt>
                <dd><Signers of={log.cosigned_by} /></dd>
              </div>
              <div>
                <dt>{say('ledger.witnessed')}</dt>
                <dd><Signers of={log.witnessed_by} /></dd>
              </div>
            </dl>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function Signers(props: { of: string[] | null }) {
  const say = useSay()
  if (!props.of?.length) return <span className="nobody">{say('ledger.nobody')}</span>
  return (
    <ul className="inline-list">
      {props.of.map((name) => (
        <li key={name}>
          <PartyName name={name} />
        </li>
      ))}
    </ul>
  )
}

const step = 100

function Events(props: { events: LedgerEvent[]; logs: Log[] }) {
  const say = useSay()
  const term = useTerm()
  const { query } = useRoute()
  const [rows, setRows] = useState(step)
  const kinds = [...new Set(props.events.map((e) => e.kind))].sort()
  const kind = query.kind ?? ''
  const sought = (query.q ?? '').trim().toLowerCase()
  const events = props.events.filter((e) => {
    if (kind && e.kind !== kind) return false
    return !sought || [String(e.index), e.party, e.summary, e.digest, e.kind, term('event', e.kind)].some((text) => text.toLowerCase().includes(sought))
  })
  const [checked, setChecked] = useState<LedgerEvent | null>(null)
  return (
    <Panel
      id="events"
      title={say('ledger.events')}
      note={say('ledger.events-n', { n: events.length })}
      tools={
        <>
        <label className="choice">
          <span className="label">{say('ledger.search')}</span>
          <input type="search" dir="auto" value={query.q ?? ''} onChange={(event) => amend({ q: event.target.value })} />
        </label>
        <label className="choice">
          <span className="label">{say('ledger.kind')}</span>
          <select value={kind} onChange={(event) => amend({ kind: event.target.value })}>
            <option value="">{say('ledger.all-kinds')}</option>
            {kinds.map((one) => (
              <option key={one} value={one}>{term('event', one)}</option>
            ))}
          </select>
        </label>
        </>
      }
    >
      {checked && (
        <Proof
          entry={checked}
          title={say('ledger.verify-of', { index: checked.index, party: checked.party })}
          onClose={() => setChecked(null)}
        />
      )}
      {!events.length ? (
        <Empty title={say('ledger.no-events')}>{say('ledger.no-events-note')}</Empty>
      ) : (
        <div className="table-box" tabIndex={0} role="region" aria-label={say('ledger.table')}>
          <table>
            <thead>
              <tr>
                <th scope="col" className="number">{say('ledger.index')}</th>
                <th scope="col">{say('ledger.party')}</th>
                <th scope="col">{say('ledger.kind')}</th>
                <th scope="col">{say('ledger.summary')}</th>
                <th scope="col">{say('ledger.when')}</th>
                <th scope="col">{say('ledger.digest')}</th>
                <th scope="col">{say('ledger.after')}</th>
                <th scope="col">{say('ledger.receipt')}</th>
              </tr>
            </thead>
            <tbody>
              {events.slice(0, rows).map((event) => (
                <tr key={`${event.log} ${event.index}`}>
                  <td className="number">{event.index}</td>
                  <td><PartyName name={event.party} /></td>
                  <td className="tight"><span className="event-kind">{term('event', event.kind)}</span></td>
                  <td className="event-summary"><bdi>{event.summary}</bdi></td>
                  <td className="tight"><Moment at={event.at} /></td>
                  <td><Digest value={event.digest} keep={8} /></td>
                  <td><Digest value={event.ordered_after} keep={8} /></td>
                  <td>
                    <a
                      className="receipt"
                      href={receiptAddress(event.log, event.index)}
                      download
                      aria-label={say('ledger.receipt-of', { index: event.index, party: event.party })}
                    >
                      <Icon name="download" size={16} /> {say('ledger.receipt')}
                    </a>{' '}
                    <Act aria-label={say('ledger.verify-of', { index: event.index, party: event.party })} onPress={() => setChecked(event)}>{say('ledger.verify')}</Act>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {rows < events.length && (
            <p className="more">
              <Act onPress={() => setRows(rows + step)}>
                {say('more', { n: Math.min(step, events.length - rows) })}
              </Act>
            </p>
          )}
        </div>
      )}
    </Panel>
  )
}
