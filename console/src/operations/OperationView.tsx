import { useState, type ReactNode } from 'react'
import type { Operation, WorkItem } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Fold, Moment, Panel, PartyName, ProblemNote } from '../parts'
import { Icon } from '../parts/Icon'
import { Reasoned } from '../release/Reasoned'
import { formatRoute } from '../route'
import { useActs } from './act'
import { Attachments } from './Attachments'
import { Decisions } from './Decisions'
import { Contacts, Tasks } from './Items'
import { tones } from './OperationsPage'

const termFields = ['title', 'purpose', 'legal_basis', 'officer', 'from', 'until', 'place', 'summary'] as const

/** OperationView: where an operation stands, what we can do next, and its work. */
export function OperationView(props: { of: Operation; acts: boolean; us: string }) {
  const { of, us } = props
  const say = useSay()
  const term = useTerm()
  const doing = useActs(of.id)
  const mine = of.members.find((m) => m.party === us)
  const acts = props.acts && !!mine && !mine.left
  const open = of.state !== 'closed' && of.state !== 'abandoned'
  const [ending, setEnding] = useState<'close' | 'abandon' | 'leave' | null>(null)
  return (
    <>
      <p><a href={formatRoute({ page: 'operations' })}><Icon name="back" size={16} flip /> {say('op.all')}</a></p>
      <Panel
        id="op"
        title={of.title || of.id}
        note={<><span className={`state tone-${tones[of.state] ?? 'off'}`}>{term('op-state', of.state)}</span> {of.exercise && <strong>{say('op.exercise')}</strong>}</>}
      >
        <div className="inset">
          {mine && <p className="op-next"><Icon name="watch" size={16} /> {say(nextFor(of, mine))}</p>}
          {of.waiting > 0 && <p className="quiet">{say('op.waiting', { n: of.waiting })}</p>}
          <ul className="withs" aria-label={say('op.members')}>
            {of.members.map((m) => (
              <li key={m.party}>
                <PartyName id={m.party} name={m.party} />
                {m.left ? <span>{say('op.left')} <Moment at={m.left} />{m.reason && <> · <bdi>{m.reason}</bdi></>}</span> : <span className={`state tone-${m.agreed ? 'good' : 'info'}`}>{say(m.agreed ? 'op.agreed' : 'op.not-agreed')}</span>}
              </li>
            ))}
          </ul>
          <dl className="facts">
            {termFields.filter((f) => of.terms.fields?.[f]).map((f) => (
              <div key={f}>
                <dt>{say(`term.${f}`)}</dt>
                <dd>{f === 'from' || f === 'until' ? <Moment at={of.terms.fields![f]} solar /> : f === 'purpose' ? term('plan-purpose', of.terms.fields![f]!) : <bdi>{of.terms.fields![f]}</bdi>}</dd>
              </div>
            ))}
          </dl>
          <Conflicts item={of.terms} acts={acts && open} onKeep={(field, value) => doing.mutate({ kind: 'set', item: 'terms', fields: { [field]: value } })} />
          {!!of.problems?.length && <ul className="op-problems">{of.problems.map((p, i) => <li key={i}><Icon name="warn" size={16} /> <bdi>{p}</bdi></li>)}</ul>}
          {doing.error != null && <ProblemNote error={doing.error} />}
          {acts && (
            <p className="acts">
              {of.state === 'proposed' && !mine.agreed && <Act kind="main" icon="check" isDisabled={doing.isPending || !of.digest} onPress={() => doing.mutate({ kind: 'agree', digest: of.digest })}>{say('op.agree')}</Act>}
              {of.state === 'agreed' && <Act kind="main" isDisabled={doing.isPending} onPress={() => doing.mutate({ kind: 'activate' })}>{say('op.activate')}</Act>}
              {of.state === 'active' && <Act kind="main" onPress={() => setEnding('close')}>{say('op.close')}</Act>}
              {open && <Act onPress={() => setEnding('abandon')}>{say('op.abandon')}</Act>}
              <Act onPress={() => setEnding('leave')}>{say('op.leave')}</Act>
            </p>
          )}
        </div>
      </Panel>
      <Tasks of={of} acts={acts && open} />
      <Decisions of={of} acts={acts && open} us={us} />
      <Contacts of={of} acts={acts && open} />
      <Attachments of={of} acts={acts && open} />
      {!!of.records?.length && (
        <Panel id="records" title={say('op.records')}>
          <ul className="cards">{of.records.map((r, i) => <li key={i} className="card-row"><p className="card-head"><PartyName id={r.party} name={r.party} /> <span className="quiet"><bdi>{r.by}</bdi> · <Moment at={r.at} solar /></span></p><p className="prose" dir="auto">{r.text}</p></li>)}</ul>
        </Panel>
      )}
      <Log of={of} acts={acts} />
      {ending && (
        <Reasoned
          title={say(`op-end.${ending}-title`)}
          act={say(`op-end.${ending}-act`)}
          label={say(ending === 'close' ? 'op.record' : 'op.why')}
          path={`/operations/${encodeURIComponent(of.id)}/acts`}
          body={(text) => ({ kind: ending, text })}
          onClose={() => setEnding(null)}
        >
          <p className="dialog-subject" dir="auto">{of.title}</p>
          <p>{say(`op-end.${ending}-note`)}</p>
        </Reasoned>
      )}
    </>
  )
}

/** nextFor says what is ours to do, as the node sees it. */
function nextFor(of: Operation, mine: Operation['members'][number]) {
  if (mine.left) return 'op.next-left'
  if (of.state === 'proposed') return mine.agreed ? 'op.next-wait' : 'op.next-read'
  return of.state === 'agreed' ? 'op.next-activate' : of.state === 'active' ? 'op.next-work' : 'op.next-over'
}

/** Conflicts shows values that were written without knowing of each other, and lets
 * somebody keep one of them. */
export function Conflicts(props: { item: WorkItem; acts: boolean; onKeep: (field: string, value: string) => void }): ReactNode {
  const say = useSay()
  const { conflicts } = props.item
  if (!conflicts?.length) return null
  return (
    <ul className="op-conflicts">
      {conflicts.map((c) => (
        <li key={c.field}>
          <p className="over"><Icon name="warn" size={16} /> {say('op.conflict', { field: fieldName(say, c.field) })}</p>
          <ul>
            {c.values.map((v) => (
              <li key={v.party + v.at}>
                <bdi>{v.value}</bdi> <span className="quiet"><PartyName id={v.party} name={v.party} /> <bdi>{v.by}</bdi> · <Moment at={v.at} /></span>
                {props.acts && <Act aria-label={`${say('op.keep')}: ${v.value}`} onPress={() => props.onKeep(c.field, v.value)}>{say('op.keep')}</Act>}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  )
}

const named = ['title', 'purpose', 'legal_basis', 'officer', 'from', 'until', 'place', 'summary', 'owner', 'due', 'state', 'note', 'name', 'party', 'contact', 'hours', 'text'] as const

function fieldName(say: ReturnType<typeof useSay>, field: string): string {
  const known = named.find((n) => n === field)
  return known ? say(`term.${known}`) : field
}

function Log(props: { of: Operation; acts: boolean }) {
  const say = useSay()
  const [text, setText] = useState('')
  const doing = useActs(props.of.id)
  const lines = [...(props.of.log ?? [])].reverse()
  return (
    <Panel id="op-log" title={say('op.log')}>
      <div className="inset">
        {props.acts && (
          <form
            className="op-line"
            onSubmit={(event) => {
              event.preventDefault()
              if (text.trim()) doing.mutate({ kind: 'remark', text: text.trim() }, { onSuccess: () => setText('') })
            }}
          >
            <label className="field">
              <span className="label">{say('op.remark')}</span>
              <input value={text} dir="auto" maxLength={4000} onChange={(event) => setText(event.target.value)} />
            </label>
            <Act type="submit" isDisabled={!text.trim() || doing.isPending}>{say('op.remark-act')}</Act>
          </form>
        )}
        {doing.error != null && <ProblemNote error={doing.error} />}
        <Fold title={say('op.log-n', { n: lines.length })} open={lines.length < 12}>
          <ol className="op-log">
            {lines.map((l) => <li key={`${l.party} ${l.index}`}><span className="quiet"><Moment at={l.at} /> · <PartyName id={l.party} name={l.party} /> · <bdi>{l.by}</bdi></span> <bdi>{l.text}</bdi></li>)}
          </ol>
        </Fold>
      </div>
    </Panel>
  )
}
