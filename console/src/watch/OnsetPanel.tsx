import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Label } from 'react-aria-components/Label'
import { TextArea } from 'react-aria-components/TextArea'
import { TextField } from 'react-aria-components/TextField'
import { call } from '../api/client'
import { onsets } from '../api/queries'
import type { Onset, Onsets } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Day, Empty, Moment, Panel } from '../parts'
import { Confirm } from '../parts/Confirm'
import { useAreaName } from '../overview/area'
import { amend, useRoute } from '../route'
import { useFigure, useShare } from './share'

const rates = ['0.5', '1', '2'] as const
type Verdict = 'acknowledge' | 'dismiss' | 'escalate'

/** OnsetPanel: areas to which violence returns, at a rate of false alarms that the
 * reader chooses. An alarm is a prompt to look; a person judges it. */
export function OnsetPanel() {
  const say = useSay()
  const share = useShare()
  const figure = useFigure()
  const { query } = useRoute()
  const rate = rates.find((r) => r === query.alarms) ?? '1'
  const asked = useQuery(onsets(Number(rate)))
  const [judged, setJudged] = useState<{ of: Onset; verdict: Verdict } | null>(null)
  return (
    <Panel
      id="onsets"
      title={say('onsets.title')}
      tools={
        <Choice
          label={say('onsets.rate')}
          value={rate}
          options={rates.map((r) => [r, say('onsets.rate-n', { n: r })])}
          onChange={(value) => amend({ alarms: value === '1' ? '' : value })}
        />
      }
    >
      <Asked of={asked}>
        {(data: Onsets) => data.refused ? (
          <Empty title={say('onsets.refused')}><bdi dir="auto">{data.refused}</bdi></Empty>
        ) : (
          <>
            {!data.alarms.length ? (
              <Empty title={say('onsets.none')}>{say('onsets.none-note')}</Empty>
            ) : (
              <ul className="onsets">
                {data.alarms.map((one) => (
                  <li key={one.unit + one.week}>
                    <Alarm of={one} onJudge={(verdict) => setJudged({ of: one, verdict })} />
                  </li>
                ))}
              </ul>
            )}
            <p className="panel-foot">
              {say('onsets.score', {
                right: share(data.score.precision), within: share(data.score.within4),
                rate: figure(data.score.false_alarms_per_series_year, 2), n: data.score.onsets,
              })}
            </p>
          </>
        )}
      </Asked>
      {judged && <Judge {...judged} rate={Number(rate)} onClose={() => setJudged(null)} />}
    </Panel>
  )
}

function Alarm(props: { of: Onset; onJudge: (verdict: Verdict) => void }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const figure = useFigure()
  const { of: one } = props
  const j = one.judgement
  return (
    <article className="onset">
      <h3>
        <bdi>{areaName(one.unit)}</bdi>
        <span className={`state tone-${one.confirmed ? 'warn' : 'off'}`}>
          {say(one.confirmed ? 'onsets.confirmed' : 'onsets.unconfirmed')}
        </span>
      </h3>
      <p>
        {say('onsets.week')} <Day at={one.week} solar />
      </p>
      <p>
        {say('onsets.evidence')} <bdi className="evidence" dir="ltr">{one.evidence.join(' ')}</bdi>
        {' · '}
        {say('onsets.usual', { n: figure(one.usual, 2) })}
      </p>
      {j ? (
        <p className="judged">
          <span className="state tone-info">{term('verdict', j.verdict)}</span> <bdi>{j.by.name}</bdi> · <Moment at={j.at} />
          {j.reason && <bdi className="reason">{j.reason}</bdi>}
        </p>
      ) : (
        <p className="acts">
          <Act icon="check" onPress={() => props.onJudge('acknowledge')}>{say('onsets.acknowledge')}</Act>
          <Act onPress={() => props.onJudge('dismiss')}>{say('onsets.dismiss')}</Act>
          <Act icon="warn" onPress={() => props.onJudge('escalate')}>{say('onsets.escalate')}</Act>
        </p>
      )}
    </article>
  )
}

const statuses = ['Exercise', 'Test', 'Actual'] as const

function Judge(props: { of: Onset; verdict: Verdict; rate: number; onClose: () => void }) {
  const say = useSay()
  const areaName = useAreaName()
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const [status, setStatus] = useState('')
  const { of: one, verdict } = props
  const judge = useMutation({
    mutationFn: () =>
      call('POST', '/watch/onsets/judge', {
        body: {
          area: one.unit, week: one.week.slice(0, 10), verdict, reason: reason.trim(), false_alarms: props.rate,
          ...(verdict === 'escalate' ? { status } : {}),
        },
      }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  const ready = { acknowledge: true, dismiss: reason.trim() !== '', escalate: status !== '' }[verdict]
  return (
    <Confirm
      title={say(`judge.${verdict}`, { area: areaName(one.unit) })}
      act={say(`judge.${verdict}-act`)}
      ready={ready}
      busy={judge.isPending}
      error={judge.error}
      onAct={() => judge.mutate()}
      onClose={props.onClose}
    >
      <p>{say(`judge.${verdict}-note`)}</p>
      {verdict === 'escalate' && (
        <Choice
          label={say('judge.status')}
          value={status}
          options={[['', say('judge.choose')], ...statuses.map((s) => [s, say(`judge.status-${s}`)] as const)]}
          onChange={setStatus}
        />
      )}
      <TextField value={reason} onChange={setReason} isRequired={verdict === 'dismiss'} autoFocus className="field">
        <Label>{say(verdict === 'escalate' ? 'judge.todo' : 'judge.reason')}</Label>
        <TextArea rows={3} dir="auto" />
      </TextField>
    </Confirm>
  )
}
