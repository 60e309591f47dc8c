import { useState } from 'react'
import type { MatchHistory } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Empty, Moment, PartyName } from '../parts'
import { Receipt } from '../release/Receipt'

const step = 20

/** History: what was published, asked and answered, on our side and on theirs.
 * Contents are in neither. */
export function History(props: { of: MatchHistory }) {
  const say = useSay()
  const term = useTerm()
  const [rows, setRows] = useState(step)
  const { events, quotas } = props.of
  if (!events.length && !quotas.length) return <Empty title={say('history.none')}>{say('history.none-note')}</Empty>
  return (
    <>
      {quotas.length > 0 && (
        <ul className="quotas">
          {quotas.map((q) => (
            <li key={q.accord + q.asker + q.holder + q.selector}>
              <PartyName id={q.asker} name={q.asker} /> → <PartyName id={q.holder} name={q.holder} /> · {term('selector', q.selector)}:{' '}
              <meter min={0} max={Math.max(1, q.quota)} value={q.used} aria-label={say('history.used', { n: q.used, of: q.quota })} />{' '}
              {say('history.used', { n: q.used, of: q.quota })}
            </li>
          ))}
        </ul>
      )}
      <div className="table-box" tabIndex={0} role="region" aria-label={say('history.table')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{say('history.when')}</th>
              <th scope="col">{say('history.who')}</th>
              <th scope="col">{say('history.what')}</th>
              <th scope="col">{say('questions.case')}</th>
              <th scope="col">{say('sent.proof')}</th>
            </tr>
          </thead>
          <tbody>
            {events.slice(0, rows).map((e) => (
              <tr key={`${e.log}/${e.index}`}>
                <td className="tight"><Moment at={e.at} /></td>
                <td><PartyName id={e.from} name={e.from} /> {e.to && <>→ <PartyName id={e.to} name={e.to} /></>}</td>
                <td>
                  {term('event', e.kind)} · {term('selector', e.selector)}
                  {!!e.count && <> · {say('questions.asked', { n: e.count })}</>}
                  {e.refused && <span className="row-sub"><bdi>{e.refused}</bdi></span>}
                </td>
                <td>{e.case ? <bdi>{e.case}</bdi> : '–'}{e.officer && <span className="row-sub"><code dir="ltr">{e.officer}</code></span>}</td>
                <td><Receipt event={e} label={say('sent.ours')} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows < events.length && <p className="more"><Act onPress={() => setRows(rows + step)}>{say('more', { n: Math.min(step, events.length - rows) })}</Act></p>}
    </>
  )
}
