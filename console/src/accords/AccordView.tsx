import { useState } from 'react'
import type { Accord } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Day, Digest, Fold, Moment, Panel, PartyName, State } from '../parts'
import { formatRoute } from '../route'
import { Account } from './Account'
import { EndDialog, Grants, SignDialog } from './Acts'
import { Ladder } from './Ladder'
import { ResumeDialog, SuspendDialog } from './Suspension'

export function AccordView(props: { accord: Accord; decides: boolean }) {
  const { accord } = props
  const say = useSay()
  const term = useTerm()
  const [asking, setAsking] = useState<'suspend' | 'resume' | 'sign' | 'end' | null>(null)
  const mine = accord.members.some((m) => m.me)
  const name = (id: string) => accord.members.find((m) => m.party === id)?.name ?? id
  const witnesses = accord.witnesses ?? []
  const words = stateWords[accord.state]
  return (
    <article className="accord" aria-labelledby="accord-title">
      <header className="accord-head">
        <div>
          <h2 id="accord-title"><bdi>{accord.title}</bdi></h2>
          <p className="accord-state">
            <State state={accord.state} />
            {words && <span>{say(words)}</span>}
          </p>
          {accord.reason && <p className="quiet"><bdi>{accord.reason}</bdi></p>}
          {accord.suspended && (
            <p className="suspended">
              {say('accord.suspended-by')} <PartyName id={accord.suspended.by} name={name(accord.suspended.by)} />,{' '}
              <Moment at={accord.suspended.at} solar />
              {accord.suspended.reason && (
                <>
                  : <q dir="auto">{accord.suspended.reason}</q>
                </>
              )}
            </p>
          )}
        </div>
        {mine && props.decides && accord.state === 'offered' && accord.members.some((m) => m.me && !m.signed) && (
          <div className="accord-acts"><Act kind="main" icon="check" onPress={() => setAsking('sign')}>{say('accord.sign')}</Act></div>
        )}
        {mine && props.decides && (accord.state === 'in force' || accord.state === 'suspended') && (
          <div className="accord-acts">
            <Act onPress={() => setAsking('end')}>{say('accord.end')}</Act>
            {accord.state === 'in force' ? (
              <Act kind="grave" icon="pause" onPress={() => setAsking('suspend')}>{say('suspend')}</Act>
            ) : (
              <Act kind="main" icon="check" onPress={() => setAsking('resume')}>{say('resume')}</Act>
            )}
          </div>
        )}
      </header>

      <div className="accord-grid">
        <Panel id="rungs" title={say('accord.rungs')} className="accord-rungs">
          <Ladder accord={accord} />
          {props.decides && <Grants accord={accord} />}
        </Panel>

        <Panel id="members" title={say('accord.members')}>
          <ul className="members">
            {accord.members.map((member) => (
              <li key={member.party}>
                <p className="member-head">
                  <PartyName id={member.party} name={member.name} size={18} />
                  {member.me && <span className="tag">{say('accord.me')}</span>}
                  <span className={member.signed ? 'state tone-good' : 'state tone-warn'}>
                    {say(member.signed ? 'accord.signed' : 'accord.unsigned')}
                  </span>
                </p>
                <Fingerprint value={member.fingerprint} />
              </li>
            ))}
            {witnesses.map((witness) => (
              <li key={witness.party}>
                <p className="member-head">
                  <PartyName id={witness.party} name={witness.name} size={18} />
                  <span className="state tone-off">{term('role', 'witness')}</span>
                </p>
                <Fingerprint value={witness.fingerprint} />
              </li>
            ))}
          </ul>
          <p className="panel-foot">{say('accord.fingerprint-note')}</p>
        </Panel>

        <Panel id="terms" title={say('accord.terms')}>
          <dl className="facts facts-wide">
            <Fact name={say('accord.ceiling')}>
              {term('rung', accord.ceiling.rung)} · <span dir="ltr">{accord.ceiling.tlp}</span>
            </Fact>
            <Fact name={say('accord.place')}><bdi>{accord.ceiling.place}</bdi></Fact>
            <Fact name={say('accord.time')}><bdi>{accord.ceiling.time}</bdi></Fact>
            <Fact name={say('accord.purposes')}><Names of={accord.purposes} group="purpose" /></Fact>
            <Fact name={say('accord.legal')}><Names of={accord.legal_bases} group="legal" /></Fact>
            <Fact name={say('accord.types')}><Names of={accord.object_types} group="type" /></Fact>
            <Fact name={say('accord.retention')}>{say('days', { n: accord.retention_days })}</Fact>
            <Fact name={say('accord.effective')}><Day at={accord.effective} solar /></Fact>
            <Fact name={say('accord.expires')}><Day at={accord.expires} solar /></Fact>
          </dl>
        </Panel>

        <Panel id="match" title={say('accord.match')}>
          {accord.match?.length ? (
            <table>
              <thead>
                <tr>
                  <th scope="col">{say('match.kind')}</th>
                  <th scope="col" className="number">{say('match.quota')}</th>
                </tr>
              </thead>
              <tbody>
                {accord.match.map((m) => (
                  <tr key={m.kind}>
                    <td>{term('selector', m.kind)}</td>
                    <td className="number">{say('match.per-day', { n: m.quota })}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p className="quiet pad">{say('accord.no-match')}</p>
          )}
          <p className="panel-foot">{say('accord.match-note')}</p>
        </Panel>
      </div>

      {mine && accord.state !== 'offered' && accord.members.filter((m) => !m.me).map((m) => (
        <Account key={m.party} accord={accord.id} party={m.party} name={m.name} />
      ))}

      <div className="panel accord-text">
        <p className="accord-id">
          <span className="label">{say('accord.id')}</span> <Digest value={accord.id} keep={24} />{' '}
          <a href={formatRoute({ page: 'ledger', query: { accord: accord.id } })}>{say('accord.ledger')}</a>
        </p>
        <Fold title={say('accord.text')}>
          <p className="quiet">{say('accord.text-note')}</p>
          <pre className="raw" dir="ltr" tabIndex={0} aria-label={say('accord.text')}>{accord.text}</pre>
        </Fold>
      </div>

      {asking === 'sign' && <SignDialog accord={accord} onClose={() => setAsking(null)} />}
      {asking === 'end' && <EndDialog accord={accord} onClose={() => setAsking(null)} />}
      {asking === 'suspend' && <SuspendDialog accord={accord} onClose={() => setAsking(null)} />}
      {asking === 'resume' && <ResumeDialog accord={accord} onClose={() => setAsking(null)} />}
    </article>
  )
}

const stateWords: Record<string, 'accord.state-draft' | 'accord.state-offered' | 'accord.state-force' | 'accord.state-suspended' | 'accord.state-ended'> = {
  draft: 'accord.state-draft',
  offered: 'accord.state-offered',
  'in force': 'accord.state-force',
  suspended: 'accord.state-suspended',
  ended: 'accord.state-ended',
}

function Fact(props: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  )
}

function Names(props: { of: string[] | null; group: string }) {
  const say = useSay()
  const term = useTerm()
  if (!props.of?.length) return <span className="quiet">{say('none')}</span>
  return (
    <ul className="inline-list">
      {props.of.map((one) => (
        <li key={one}>
          <bdi>{term(props.group, one)}</bdi>
        </li>
      ))}
    </ul>
  )
}

/** Fingerprint is read aloud over the telephone: whole, in short groups. */
function Fingerprint(props: { value: string }) {
  const groups = /[\s:-]/.test(props.value) ? props.value : (props.value.match(/.{1,4}/g) ?? []).join(' ')
  return (
    <code className="fingerprint" dir="ltr">
      {groups}
    </code>
  )
}
