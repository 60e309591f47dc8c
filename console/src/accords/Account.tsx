// The account between two members: both compute the same from the same logs.
import { useQuery } from '@tanstack/react-query'
import { useIntl } from 'react-intl'
import { account } from '../api/queries'
import type { AccountSide } from '../api/types'
import { useSay, useTerm, type MessageId } from '../i18n'
import { Toggle } from '../overview/Toggle'
import { Asked, Panel, PartyName } from '../parts'
import { useRoute } from '../route'
import { instant, moment } from '../parts/time'

const measures = [
  ['released', 'account.released'], ['useful', 'account.useful'], ['known', 'account.known'], ['wrong', 'account.wrong'], ['late', 'account.late'],
  ['questions', 'account.questions'], ['answered', 'account.answered'], ['requests', 'account.requests'], ['fulfilled', 'account.fulfilled'],
  ['declined', 'account.declined'], ['overdue', 'account.overdue'], ['days_suspended', 'account.days'],
] as const satisfies readonly (readonly [keyof AccountSide, MessageId])[]

export function Account(props: { accord: string; party: string; name: string }) {
  const say = useSay()
  const term = useTerm()
  const { locale, formatNumber } = useIntl()
  const asked = useQuery(account(props.accord, props.party))
  const at = instant(asked.data?.account.as_of)
  const { query } = useRoute()
  const proposal = asked.data?.proposal
  return (
    <Panel
      id="account"
      title={say('account.title', { name: props.name })}
      note={at && say('account.note', { at: moment(locale, at) })}
      tools={<Toggle name="account" label={say('account.title', { name: props.name })} />}
    >
      <Asked of={asked}>
        {({ account: { sides } }) => {
          const most = Math.max(1, ...sides.flatMap((side) => measures.map(([key]) => Number(side[key]))))
          return (
            <>
              {proposal && (
                <p className="callout" role="status">
                  {say(proposal.move === 'raise' ? 'account.raise' : 'account.lower', { rung: term('rung', proposal.rung) })}{' '}
                  <bdi>{proposal.reasons.join('; ')}</bdi>
                </p>
              )}
              {query['account-as'] !== 'table' ? (
                <ul className="account-bars">
                  {measures.map(([key, label]) => (
                    <li key={key}>
                      <span className="label">{say(label)}</span>
                      {sides.map((side, i) => (
                        <span key={side.party} className="account-row">
                          <span className="account-who"><PartyName id={side.party} name={side.party} /></span>
                          <span className="account-track" aria-hidden="true"><span className={`account-bar side-${i}`} style={{ inlineSize: `${(Number(side[key]) / most) * 100}%` }} /></span>
                          <span className="number">{formatNumber(Number(side[key]), { maximumFractionDigits: 1 })}</span>
                        </span>
                      ))}
                    </li>
                  ))}
                </ul>
              ) : (
              <table className="account-table">
                <thead>
                  <tr>
                    <th scope="col">{say('account.measure')}</th>
                    {sides.map((side) => <th scope="col" className="number" key={side.party}><PartyName id={side.party} name={side.party} /></th>)}
                  </tr>
                </thead>
                <tbody>
                  {measures.map(([key, label]) => (
                    <tr key={key}>
                      <th scope="row">{say(label)}</th>
                      {sides.map((side) => <td className="number" key={side.party}>{formatNumber(Number(side[key]), { maximumFractionDigits: 1 })}</td>)}
                    </tr>
                  ))}
                </tbody>
              </table>
              )}
            </>
          )
        }}
      </Asked>
    </Panel>
  )
}
