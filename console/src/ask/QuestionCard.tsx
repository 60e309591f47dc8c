import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { requests } from '../api/queries'
import type { Question } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Fold, Moment, PartyName, State } from '../parts'
import { formatRoute } from '../route'
import { RequestDialog } from './RequestDialog'

/** QuestionCard: what a partner answered, and what can be asked for next. */
export function QuestionCard(props: { of: Question }) {
  const say = useSay()
  const term = useTerm()
  const asked = useQuery(requests)
  const [wanted, setWanted] = useState('')
  const { of } = props
  const hits = of.hits ?? []
  const of_ = (value: string) =>
    asked.data?.requests?.find((r) => r.direction === 'out' && r.accord === of.accord && r.case === of.case && r.value === value)
  return (
    <article className="card-row">
      <p className="card-head">
        <State state={of.state} /> <PartyName id={of.to} name={of.to} /> · {term('selector', of.selector)} · {say('questions.asked', { n: of.count })} ·{' '}
        {say('questions.case')} <bdi>{of.case}</bdi>
      </p>
      <p className="quiet"><bdi>{of.by}</bdi> · <Moment at={of.at} solar /></p>
      {of.reason && <p><bdi>{of.reason}</bdi></p>}
      {of.state === 'answered' && (
        <>
          <p><strong>{say('questions.hits', { n: hits.length })}</strong> · {say('questions.left', { n: of.quota_left })}</p>
          {hits.length > 0 && (
            <>
              <ul className="hits">
                {hits.map((hit) => {
                  const request = of_(hit.value)
                  return (
                    <li key={hit.value}>
                      <bdi>{hit.asked}</bdi> <code dir="ltr">{hit.value}</code>
                      {request ? (
                        <>
                          <span className="quiet">{say('questions.requested')}</span> <State state={request.state} />
                          {request.objects?.map((o) => <a key={o.id} href={formatRoute({ page: 'inbox', id: o.id })}><bdi>{o.title}</bdi></a>)}
                        </>
                      ) : (
                        <Act icon="request" onPress={() => setWanted(hit.value)}>{say('questions.request')}</Act>
                      )}
                    </li>
                  )
                })}
              </ul>
              <p className="quiet">{say('questions.false', { rate: of.false_positive.match(/[\d,]{4,}/)?.[0] ?? '4,294,967,296' })}</p>
            </>
          )}
        </>
      )}
      {of.warnings?.map((w) => <p key={w} className="over"><bdi>{w}</bdi></p>)}
      {of.problems.length > 0 && (
        <Fold title={say('questions.problems', { n: of.problems.length })}>
          <ul>{of.problems.map((p, i) => <li key={i}><bdi>{p.value}</bdi>: <bdi>{p.reason}</bdi></li>)}</ul>
        </Fold>
      )}
      {wanted && <RequestDialog of={of} value={wanted} onClose={() => setWanted('')} />}
    </article>
  )
}
