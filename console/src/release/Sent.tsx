import '../style/release.css'
import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { copies } from '../api/queries'
import type { Dispatch, Release } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Empty, Loading, Marking, Moment, Panel, PartyName, ProblemNote } from '../parts'
import { Confirm } from '../parts/Confirm'
import { GateView } from './GateView'
import { Reasoned } from './Reasoned'
import { Receipt } from './Receipt'

const step = 20

/** Sent: what left, and how far each partner has confirmed it. */
export function Sent(props: { acts: boolean; object?: string }) {
  const say = useSay()
  const asked = useQuery(copies(props.object))
  return (
    <Panel id="sent" title={say(props.object ? 'sent.title-one' : 'sent.title')} note={say('sent.note')}>
      <Asked of={asked}>
        {(data) => (data.copies.length ? <Table of={data.copies} acts={props.acts} one={!!props.object} /> : <Empty title={say('sent.none')}>{say('sent.none-note')}</Empty>)}
      </Asked>
    </Panel>
  )
}

function Table(props: { of: Dispatch[]; acts: boolean; one: boolean }) {
  const say = useSay()
  const term = useTerm()
  const [rows, setRows] = useState(step)
  const [acting, setActing] = useState<{ on: Dispatch; what: 'correct' | 'withdraw' } | null>(null)
  // The newest act on a copy says whether the partner still has it.
  const newest = new Map<string, Dispatch>()
  for (const one of props.of) {
    const key = `${one.accord} ${one.to} ${one.copy}`
    if (!newest.has(key)) newest.set(key, one)
  }
  return (
    <>
      <div className="table-box" tabIndex={0} role="region" aria-label={say('sent.table')}>
        <table>
          <thead>
            <tr>
              {!props.one && <th scope="col">{say('release.object')}</th>}
              <th scope="col">{say('release.to')}</th>
              <th scope="col">{say('sent.what')}</th>
              <th scope="col">{say('sent.confirmed')}</th>
              <th scope="col">{say('sent.proof')}</th>
              {props.acts && <th scope="col">{say('sent.acts')}</th>}
            </tr>
          </thead>
          <tbody>
            {props.of.slice(0, rows).map((one) => (
              <tr key={`${one.event.log}/${one.event.index}/${one.to}`}>
                {!props.one && (
                  <td>
                    <span className="row-title"><bdi>{one.title}</bdi></span>
                    <span className="row-sub row-marks">{one.marking && <Marking label={one.marking} />} <bdi>{one.accord_title}</bdi></span>
                  </td>
                )}
                <td><PartyName id={one.to} name={one.name} /></td>
                <td>
                  {term('event', one.kind)}{one.outcome && <> · {term('outcome', one.outcome)}</>}
                  <span className="row-sub"><Moment at={one.at} solar /></span>
                  {one.reason && <span className="row-sub"><bdi>{one.reason}</bdi></span>}
                </td>
                <td>
                  {one.confirmed ? (
                    <>
                      <span className="state tone-good">{say(one.kind === 'withdrawn' ? 'sent.removed' : 'sent.held')}</span>
                      <span className="row-sub"><Moment at={one.confirmed} /></span>
                    </>
                  ) : (
                    <span className="state tone-warn">{say('sent.waits')}</span>
                  )}
                </td>
                <td className="receipts">
                  <Receipt event={one.event} label={say('sent.ours')} />
                  {one.confirmed_by && <Receipt event={one.confirmed_by} label={say('sent.theirs')} />}
                </td>
                {props.acts && (
                  <td className="receipts">
                    {one.kind !== 'withdrawn' && one.object && newest.get(`${one.accord} ${one.to} ${one.copy}`) === one && (
                      <>
                        <Act onPress={() => setActing({ on: one, what: 'correct' })}>{say('sent.correct')}</Act>
                        <Act kind="grave" onPress={() => setActing({ on: one, what: 'withdraw' })}>{say('sent.withdraw')}</Act>
                      </>
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows < props.of.length && (
        <p className="more"><Act onPress={() => setRows(rows + step)}>{say('more', { n: Math.min(step, props.of.length - rows) })}</Act></p>
      )}
      {acting?.what === 'withdraw' && (
        <Reasoned
          title={say('withdraw.title')}
          act={say('withdraw.act')}
          label={say('withdraw.why')}
          path="/withdraw"
          body={(reason) => ({ accord: acting.on.accord, object: acting.on.copy, to: [acting.on.to], reason })}
          onClose={() => setActing(null)}
        >
          <p className="dialog-subject" dir="auto">{acting.on.title}</p>
          <p>{say('withdraw.note')} <PartyName id={acting.on.to} name={acting.on.name} /></p>
        </Reasoned>
      )}
      {acting?.what === 'correct' && <Correct of={acting.on} onClose={() => setActing(null)} />}
    </>
  )
}

/** Correct sends the newest version to who has an earlier one. */
function Correct(props: { of: Dispatch; onClose: () => void }) {
  const say = useSay()
  const queries = useQueryClient()
  const { of } = props
  const body = { object: of.object, accord: of.accord, to: [of.to], purpose: of.purpose, correct: true }
  const tried = useQuery({
    queryKey: ['dry-run', body],
    queryFn: ({ signal }) => call<Release>('POST', '/release', { body: { ...body, dry_run: true }, signal }),
    gcTime: 0,
  })
  const doing = useMutation({
    mutationFn: () => call<Release>('POST', '/release', { body }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  const passes = tried.data?.outcome === 'full' || tried.data?.outcome === 'tearline'
  return (
    <Confirm
      title={say('correct.title')}
      act={say('correct.act')}
      ready={passes}
      busy={doing.isPending}
      error={doing.error}
      wide
      onAct={() => doing.mutate()}
      onClose={props.onClose}
    >
      <p>{say('correct.note')} <PartyName id={of.to} name={of.name} /></p>
      {tried.error ? <ProblemNote error={tried.error} /> : tried.data ? <GateView of={tried.data} /> : <Loading />}
    </Confirm>
  )
}
