import '../style/fusion.css'
import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Label } from 'react-aria-components/Label'
import { TextArea } from 'react-aria-components/TextArea'
import { TextField } from 'react-aria-components/TextField'
import { call } from '../api/client'
import { fused } from '../api/queries'
import type { FusedEvent, ReportLink } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Empty, Fold, Grading, Moment, Panel, PartyName } from '../parts'
import { Confirm } from '../parts/Confirm'
import { amend, useRoute } from '../route'
import { useFigure, useShare } from '../watch/share'

const views = ['all', 'proposed', 'confirmed', 'differing'] as const
type Verdict = 'confirm' | 'split' | 'undo'
const step = 20
const page = 200

/** FusionPage: reports that are taken to be of one event, with what speaks for and
 * against it, and what they say differently. The reports themselves stay apart. */
export default function FusionPage() {
  const say = useSay()
  const { query } = useRoute()
  const view = views.find((v) => v === query.show) ?? 'all'
  const [limit, setLimit] = useState(page)
  const asked = useQuery(fused(limit))
  const [judged, setJudged] = useState<{ link: ReportLink; verdict: Verdict } | null>(null)
  const [rows, setRows] = useState(step)
  const fits = (event: FusedEvent) =>
    view === 'all' ||
    (view === 'differing' ? event.fields.some((f) => !f.agree) : event.links.some((l) => l.state === view))
  return (
    <div className="page fusion">
      <header className="page-head">
        <h1>{say('nav.fusion')}</h1>
        <p className="holdings">{say('fusion.lead')}</p>
      </header>
      <div className="filter">
        <Choice
          label={say('fusion.show')}
          value={view}
          options={views.map((v) => [v, say(`fusion.show-${v}`)])}
          onChange={(value) => amend({ show: value === 'all' ? '' : value })}
        />
      </div>
      <Asked of={asked}>
        {(data) => {
          const events = data.events.filter(fits)
          return (
            <>
              <Panel id="events" title={say('fusion.events')} note={say('fusion.n', { n: events.length })}>
                {!events.length ? (
                  <Empty title={say('fusion.none')}>{say('fusion.none-note')}</Empty>
                ) : (
                  <ul className="fused">
                    {events.slice(0, rows).map((event, i) => (
                      <li key={event.id}>
                        <Event of={event} number={i + 1} onJudge={(link, verdict) => setJudged({ link, verdict })} />
                      </li>
                    ))}
                  </ul>
                )}
                {rows < events.length && (
                  <p className="more">
                    <Act onPress={() => setRows(rows + step)}>{say('more', { n: Math.min(step, events.length - rows) })}</Act>
                  </p>
                )}
                {data.events.length >= limit && (
                  <p className="more">
                    <Act isDisabled={asked.isFetching} onPress={() => setLimit(limit + page)}>{say('fusion.older')}</Act>
                    <span className="quiet">{say('fusion.loaded', { n: data.events.length })}</span>
                  </p>
                )}
              </Panel>
              {data.split.length > 0 && (
                <Panel id="split" title={say('fusion.split-title')} note={say('fusion.split-n', { n: data.split.length })}>
                  <ul className="fused">
                    {data.split.map((link) => (
                      <li key={link.left + link.right}>
                        <Link of={link} onJudge={(verdict) => setJudged({ link, verdict })} />
                      </li>
                    ))}
                  </ul>
                </Panel>
              )}
              {[...new Set(data.events.flatMap((e) => (e.attribution ? e.attribution.split('\n') : [])))].map((text) => (
                <p className="attribution" key={text}>{say('attribution')} <bdi>{text}</bdi></p>
              ))}
            </>
          )
        }}
      </Asked>
      {judged && <Judge {...judged} onClose={() => setJudged(null)} />}
    </div>
  )
}

function Reporter(props: { from: string; source: string }) {
  const say = useSay()
  return props.from ? <PartyName id={props.from} name={props.from} /> : <>{say('fusion.own')} <bdi>({props.source})</bdi></>
}

function Event(props: { of: FusedEvent; number: number; onJudge: (link: ReportLink, verdict: Verdict) => void }) {
  const say = useSay()
  const term = useTerm()
  const { of: event } = props
  const who = new Map(event.reports.map((r) => [r.id, r]))
  const differing = event.fields.filter((f) => !f.agree || f.field === 'organisation' || f.field === 'claims')
  return (
    <article className="event">
      <ul className="reports">
        {event.reports.map((report) => (
          <li key={report.id}>
            <h3><bdi>{report.title}</bdi></h3>
            <p className="quiet"><Reporter from={report.from} source={report.source} /> · <Grading grade={report.grading} /></p>
          </li>
        ))}
      </ul>
      {differing.length > 0 && (
        <div className="table-box" tabIndex={0} role="region" aria-label={say('fusion.differ', { n: props.number })}>
          <table>
            <thead>
              <tr>
                <th scope="col">{say('fusion.field')}</th>
                <th scope="col">{say('fusion.value')}</th>
                <th scope="col">{say('fusion.by')}</th>
              </tr>
            </thead>
            <tbody>
              {differing.flatMap((field) =>
                field.values.map((value, i) => (
                  <tr key={field.field + value.value}>
                    {i === 0 && <th scope="row" rowSpan={field.values.length}>{term('fused', field.field)}</th>}
                    <td><bdi>{value.value}</bdi></td>
                    <td>
                      <ul className="inline-list">
                        {value.by.map((id) => (
                          <li key={id}><Reporter from={who.get(id)?.from ?? ''} source={who.get(id)?.source ?? id} /></li>
                        ))}
                      </ul>
                    </td>
                  </tr>
                )),
              )}
            </tbody>
          </table>
        </div>
      )}
      {event.links.map((link) => (
        <Link key={link.left + link.right} of={link} onJudge={(verdict) => props.onJudge(link, verdict)} />
      ))}
    </article>
  )
}

const tones: Record<string, string> = { proposed: 'info', confirmed: 'good', split: 'off' }

/** Link: how likely two reports are of one event, and what a person said of it. */
function Link(props: { of: ReportLink; onJudge: (verdict: Verdict) => void }) {
  const say = useSay()
  const term = useTerm()
  const share = useShare()
  const figure = useFigure()
  const { of: link } = props
  const last = link.acts.at(-1)
  return (
    <div className="pair">
      <p className="pair-head">
        <span className={`state tone-${tones[link.state] ?? 'off'}`}>{term('link', link.state)}</span>
        {link.evidence.length > 0 && <span>{say('fusion.p', { p: share(Math.min(link.p, 0.99)) })}</span>}
        {last && (
          <span className="quiet">
            {term('link-act', last.verdict)} · <bdi>{last.by.name}</bdi> · <Moment at={last.at} />
            {last.reason && <> · <bdi>{last.reason}</bdi></>}
          </span>
        )}
      </p>
      {link.evidence.length > 0 && (
        <Fold title={say('fusion.evidence')}>
          <ul className="weights">
            {link.evidence.map((e) => (
              <li key={e.feature}>
                <span>{term('fused', e.feature)}</span>
                <bdi dir="ltr">{e.says}{e.km !== undefined && ` (${Math.round(e.km)} km)`}</bdi>
                <span className={e.weight < 0 ? 'number against' : 'number'} dir="ltr">
                  {e.weight > 0 ? '+' : ''}{figure(e.weight, 1)}
                </span>
              </li>
            ))}
          </ul>
          <p className="quiet">{say('fusion.weights')}</p>
        </Fold>
      )}
      <p className="acts">
        {link.state !== 'confirmed' && <Act icon="check" onPress={() => props.onJudge('confirm')}>{say('fusion.confirm')}</Act>}
        {link.state !== 'split' && <Act onPress={() => props.onJudge('split')}>{say('fusion.split')}</Act>}
        {link.acts.length > 0 && <Act icon="back" onPress={() => props.onJudge('undo')}>{say('fusion.undo')}</Act>}
      </p>
    </div>
  )
}

function Judge(props: { link: ReportLink; verdict: Verdict; onClose: () => void }) {
  const say = useSay()
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const { link, verdict } = props
  const judge = useMutation({
    mutationFn: () => call('POST', '/fusion/judge', { body: { left: link.left, right: link.right, verdict, reason: reason.trim() } }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  return (
    <Confirm
      title={say(verdict === 'split' ? 'fusion.split-title-ask' : `fusion.${verdict}-title`)}
      act={say(`fusion.${verdict}-act`)}
      ready
      busy={judge.isPending}
      error={judge.error}
      onAct={() => judge.mutate()}
      onClose={props.onClose}
    >
      <p>{say(`fusion.${verdict}-note`)}</p>
      <TextField value={reason} onChange={setReason} autoFocus className="field">
        <Label>{say('fusion.reason')}</Label>
        <TextArea rows={2} dir="auto" />
      </TextField>
    </Confirm>
  )
}
