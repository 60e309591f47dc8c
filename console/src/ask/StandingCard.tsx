import { useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Standing } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Moment, PartyName, ProblemNote } from '../parts'
import { RequestDialog } from './RequestDialog'

/** StandingCard: a question that is asked again by itself, with its new hits. */
export function StandingCard(props: { of: Standing }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const [wanted, setWanted] = useState('')
  const { of } = props
  const stop = useMutation({
    mutationFn: () => call('DELETE', `/match/standing/${encodeURIComponent(of.id)}`),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['standing'] }),
  })
  return (
    <article className="card-row">
      <p className="card-head">
        <span className={`state tone-${of.state === 'active' ? 'good' : 'off'}`}>{term('standing', of.state)}</span>{' '}
        <PartyName id={of.to} name={of.to} /> · {term('selector', of.selector)} · {say('questions.asked', { n: of.count })} · {say('questions.case')} <bdi>{of.case}</bdi>
      </p>
      <p className="quiet"><bdi>{of.by}</bdi> · <Moment at={of.at} solar /></p>
      {of.reason && <p><bdi>{of.reason}</bdi></p>}
      {of.hits?.length ? (
        <ul className="hits">
          {of.hits.map((hit) => (
            <li key={hit.value}>
              <bdi>{hit.asked}</bdi> <code dir="ltr">{hit.value}</code> <Moment at={hit.at} />
              <Act icon="request" onPress={() => setWanted(hit.value)}>{say('questions.request')}</Act>
            </li>
          ))}
        </ul>
      ) : (
        <p className="quiet">{say('standing.quiet')}</p>
      )}
      {stop.error != null && <ProblemNote error={stop.error} />}
      {of.state === 'active' && <p className="acts"><Act isDisabled={stop.isPending} onPress={() => stop.mutate()}>{say('standing.stop')}</Act></p>}
      {wanted && <RequestDialog of={{ ...of, id: '' }} value={wanted} onClose={() => setWanted('')} />}
    </article>
  )
}
