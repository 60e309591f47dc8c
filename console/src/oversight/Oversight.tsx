// For inspectors: everything that happened, read-only, to be taken away whole.
import { useState } from 'react'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useIntl } from 'react-intl'
import { call, query as parameters } from '../api/client'
import { accords } from '../api/queries'
import { useSay, useTerm } from '../i18n'
import { Alarms } from '../ledger/Alarms'
import { Act, Asked, Choice, Digest, Empty, Moment, Panel, PartyName } from '../parts'
import { Icon } from '../parts/Icon'

type Audit = { ok: boolean; logs: { log: string; entries: number; opened: number; faults: string[] | null }[] }
type Asking = { at: string; kind: string; from: string; to: string; selector: string; case?: string; count?: number; log: string; index: number }

const audit = queryOptions({ queryKey: ['audit'], queryFn: ({ signal }) => call<Audit>('GET', '/audit', { signal }), staleTime: Infinity })
const matching = queryOptions({ queryKey: ['matching'], queryFn: ({ signal }) => call<{ events: Asking[] | null }>('GET', '/match/history', { signal }), refetchInterval: 60_000 })

export default function Oversight() {
  const say = useSay()
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.oversight')}</h1>
        <p className="quiet">{say('oversight.lead')}</p>
      </header>
      <Export />
      <Audited />
      <Alarms />
      <Matching />
    </div>
  )
}

function Export() {
  const say = useSay()
  const known = useQuery(accords).data?.accords ?? []
  const [accord, setAccord] = useState('')
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  return (
    <Panel id="export" title={say('oversight.export')}>
      <div className="line-form">
        <Choice label={say('ledger.accord')} value={accord} options={[['', say('ledger.all-accords')], ...known.map((one) => [one.id, one.title] as const)]} onChange={setAccord} />
        <label><span className="label">{say('oversight.from')}</span><input type="date" value={from} onChange={(event) => setFrom(event.target.value)} /></label>
        <label><span className="label">{say('oversight.to')}</span><input type="date" value={to} onChange={(event) => setTo(event.target.value)} /></label>
        <a className="receipt" download href={'/api/v1/oversight/export' + parameters({ accord, from, to })}><Icon name="download" size={16} /> {say('oversight.download')}</a>
      </div>
      <p className="panel-foot">{say('oversight.export-note')}</p>
    </Panel>
  )
}

function Audited() {
  const say = useSay()
  const { formatNumber } = useIntl()
  const asked = useQuery(audit)
  return (
    <Panel id="audit" title={say('oversight.audit')} tools={<Act onPress={() => void asked.refetch()} isDisabled={asked.isFetching}>{say('oversight.audit-act')}</Act>}>
      <Asked of={asked}>
        {({ ok, logs }) => (
          <>
            <p className="inset verdict" role="status"><Icon name={ok ? 'check' : 'warn'} /> {say(ok ? 'oversight.sound' : 'oversight.unsound')}</p>
            <div className="table-box" tabIndex={0} role="region" aria-label={say('oversight.entries')}>
              <table>
                <thead><tr><th scope="col">{say('ledger.log')}</th><th scope="col" className="number">{say('oversight.entries')}</th><th scope="col">{say('oversight.faults')}</th></tr></thead>
                <tbody>
                  {logs.map((one) => (
                    <tr key={one.log}>
                      <td><PartyName name={one.log.split('/').at(-1) ?? ''} /> <Digest value={one.log} keep={16} /></td>
                      <td className="number">{formatNumber(one.entries)}</td>
                      <td>{one.faults?.length ? one.faults.map((fault) => <p key={fault}><bdi>{fault}</bdi></p>) : say('none')}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )}
      </Asked>
    </Panel>
  )
}

function Matching() {
  const say = useSay()
  const term = useTerm()
  const { formatNumber } = useIntl()
  return (
    <Panel id="matching" title={say('oversight.matching')} note={say('oversight.matching-note')}>
      <Asked of={useQuery(matching)}>
        {({ events }) =>
          !events?.length ? (
            <Empty title={say('oversight.matching-none')} />
          ) : (
            <div className="table-box" tabIndex={0} role="region" aria-label={say('oversight.values')}>
              <table>
                <thead><tr><th scope="col">{say('ledger.when')}</th><th scope="col">{say('ledger.kind')}</th><th scope="col">{say('oversight.from')}</th><th scope="col">{say('oversight.to')}</th><th scope="col">{say('match.kind')}</th><th scope="col">{say('oversight.case')}</th><th scope="col" className="number">{say('oversight.values')}</th></tr></thead>
                <tbody>
                  {events.map((one) => (
                    <tr key={`${one.log} ${one.index}`}>
                      <td className="tight"><Moment at={one.at} /></td>
                      <td>{term('event', one.kind)}</td>
                      <td><PartyName name={one.from} /></td>
                      <td><PartyName name={one.to} /></td>
                      <td>{term('selector', one.selector)}</td>
                      <td><bdi>{one.case}</bdi></td>
                      <td className="number">{one.count ? formatNumber(one.count) : ''}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Asked>
    </Panel>
  )
}
