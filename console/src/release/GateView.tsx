import '../style/gate.css'
import type { Release } from '../api/types'
import { useSay, useTerm } from '../i18n'

/** GateView shows what the gate decides, every reason for it, and what we hold
 * beside what would leave. */
export function GateView(props: { of: Release }) {
  const say = useSay()
  const term = useTerm()
  const { outcome, reasons, redactions, original, tearline } = props.of
  const sent = outcome === 'full' ? original : tearline
  return (
    <section className="gate" aria-label={say('gate.title')}>
      <p className={`gate-outcome outcome-${outcome}`}>
        {say('gate.decides')} <strong>{term('outcome', outcome)}</strong>
      </p>
      {!!reasons?.length && (
        <ul className="gate-reasons">
          {reasons.map((reason, i) => (
            <li key={i}>
              <span className="gate-rule">{term('outcome', reason.outcome)}</span> <bdi>{reason.text}</bdi>{' '}
              <code dir="ltr">{reason.rule}</code>
            </li>
          ))}
        </ul>
      )}
      {!!redactions?.length && (
        <p>
          {say('gate.cut')}{' '}
          {redactions.map((r, i) => (
            <bdi key={i} className="gate-cut">{r}</bdi>
          ))}
        </p>
      )}
      <div className="gate-sides">
        <Side title={say('gate.original')} object={original} />
        <Side title={say('gate.sent')} object={sent} none={say('gate.nothing')} />
      </div>
    </section>
  )
}

function Side(props: { title: string; object: unknown; none?: string }) {
  return (
    <div className="gate-side">
      <h3>{props.title}</h3>
      {props.object ? (
        <pre className="raw" dir="ltr" tabIndex={0} aria-label={props.title}>
          {JSON.stringify(props.object, null, 2)}
        </pre>
      ) : (
        <p className="quiet">{props.none}</p>
      )}
    </div>
  )
}
