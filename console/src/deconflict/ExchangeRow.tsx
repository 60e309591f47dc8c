import { useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Exchange } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Choice, Moment, PartyName, ProblemNote } from '../parts'
import { Confirm } from '../parts/Confirm'
import { Icon } from '../parts/Icon'

const resolutions = ['moved-in-time', 'moved-in-place', 'cancelled', 'joint', 'agreed-as-planned', 'handed-over']

/** ExchangeRow: one exchange with a partner, and what both desks did about it. */
export function ExchangeRow(props: { of: Exchange; acts: boolean; opens: boolean }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const [resolving, setResolving] = useState(false)
  const { of } = props
  const path = `/deconflict/exchanges/${encodeURIComponent(of.id)}`
  const doing = useMutation({ mutationFn: (what: string) => call('POST', `${path}/${what}`), onSuccess: () => void queries.invalidateQueries() })
  const overlaps = of.overlaps?.length ?? 0
  return (
    <article className="card-row">
      <p className="card-head">
        <PartyName id={of.party} name={of.party} /> <span className={`state tone-${of.state === 'done' ? 'good' : of.state === 'failed' ? 'warn' : 'info'}`}>{term('exchange', of.state)}</span>
        <strong>{of.state === 'done' && say('exchanges.found', { n: overlaps })}</strong> <span className="quiet"><Moment at={of.at} solar /></span>
      </p>
      {of.reason && <p><bdi>{of.reason}</bdi></p>}
      {overlaps > 0 && (
        <ul className="withs">
          {of.contact && <li>{say('plan.call')} <bdi>{of.contact}</bdi></li>}
          <li>{say('exchanges.we')}: {of.acknowledged ? <><Moment at={of.acknowledged} /> <bdi>{of.acknowledged_by}</bdi></> : say('exchanges.not-yet')}{of.resolved && <> · {term('resolution', of.resolved)}</>}{of.resolved_note && <> · <bdi>{of.resolved_note}</bdi></>}</li>
          <li>{say('exchanges.they')}: {of.they_acknowledged ? <Moment at={of.they_acknowledged} /> : say('exchanges.not-yet')}{of.they_resolved && <> · {term('resolution', of.they_resolved)}</>}</li>
        </ul>
      )}
      {doing.error != null && <ProblemNote error={doing.error} />}
      {props.acts && (
        <p className="acts">
          {overlaps > 0 && !of.acknowledged && <Act kind="main" icon="check" isDisabled={doing.isPending} onPress={() => doing.mutate('acknowledge')}>{say('exchanges.acknowledge')}</Act>}
          {overlaps > 0 && !of.resolved && <Act onPress={() => setResolving(true)}>{say('exchanges.resolve')}</Act>}
          {of.owed > 0 && of.arbiter && <Act isDisabled={doing.isPending} onPress={() => doing.mutate('settle')}>{say('exchanges.settle')}</Act>}
        </p>
      )}
      {(props.opens || (props.acts && of.owed > 0)) && (
        <p className="acts">
          {props.opens && <a className="act act-plain" href={`/api/v1${path}/opening`} download={`opening-${of.id}.json`}><Icon name="download" size={16} /> {say('exchanges.opening')}</a>}
          {props.acts && of.owed > 0 && <a className="act act-plain" href={`/api/v1${path}/evidence`} download={`evidence-${of.id}.json`}><Icon name="download" size={16} /> {say('exchanges.evidence')}</a>}
        </p>
      )}
      {resolving && <Resolve path={path} onClose={() => setResolving(false)} />}
    </article>
  )
}

function Resolve(props: { path: string; onClose: () => void }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const [how, setHow] = useState(resolutions[0]!)
  const [note, setNote] = useState('')
  const doing = useMutation({
    mutationFn: () => call('POST', `${props.path}/resolve`, { body: { how, note: note.trim() } }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  return (
    <Confirm title={say('resolve.title')} act={say('resolve.act')} ready busy={doing.isPending} error={doing.error} onAct={() => doing.mutate()} onClose={props.onClose}>
      <Choice label={say('resolve.how')} value={how} options={resolutions.map((r) => [r, term('resolution', r)])} onChange={setHow} />
      <p className="quiet">{say('resolve.told')}</p>
      <label className="field">
        <span className="label">{say('resolve.note')}</span>
        <textarea rows={2} value={note} dir="auto" maxLength={2000} onChange={(event) => setNote(event.target.value)} />
      </label>
    </Confirm>
  )
}
