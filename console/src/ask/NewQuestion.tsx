import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords } from '../api/queries'
import type { Accord, AskedLine, MatchHistory, Question } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Empty, Loading, Panel, ProblemNote } from '../parts'
import { useDraft } from '../parts/draft'
import { useSettled } from '../parts/useSettled'
import { amend, useRoute } from '../route'

/** NewQuestion: paste, see what would be asked, ask. The values stay in this
 * window: they are in no address that could be shared. */
export function NewQuestion(props: { quotas: MatchHistory['quotas'] }) {
  const say = useSay()
  const asked = useQuery(accords)
  return (
    <Panel id="ask" title={say('ask.new')} note={say('ask.new-note')}>
      <Asked of={asked}>
        {(data) => {
          const open = (data.accords ?? []).filter((a) => a.state === 'in force' && a.members.some((m) => m.me) && a.match?.length)
          return open.length ? <Form accords={open} quotas={props.quotas} /> : <Empty title={say('ask.no-accord')}>{say('ask.no-accord-note')}</Empty>
        }}
      </Asked>
    </Panel>
  )
}

function Form(props: { accords: Accord[]; quotas: MatchHistory['quotas'] }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const { query } = useRoute()
  const [text, setText] = useDraft('ask', '', 'window')
  const [reference, setReference] = useDraft('ask-case', '', 'window')
  const under = props.accords.find((a) => a.id === query.accord) ?? props.accords[0]!
  const others = under.members.filter((m) => !m.me)
  const me = under.members.find((m) => m.me)!.party
  const to = others.find((m) => m.party === query.to)?.party ?? others[0]!.party
  const kind = under.match!.find((m) => m.kind === query.kind)?.kind ?? under.match![0]!.kind
  const settled = useSettled(text)
  const lines = settled.split('\n')
  const preview = useQuery({
    queryKey: ['match-preview', kind, settled],
    queryFn: ({ signal }) => call<{ lines: AskedLine[] }>('POST', '/match/preview', { body: { selector: kind, values: lines }, signal }),
    enabled: settled.trim() !== '',
    gcTime: 0,
  })
  const found = settled.trim() ? (preview.data?.lines ?? []) : []
  const keys = new Set(found.flatMap((l) => l.keys)).size
  const quota = props.quotas.find((q) => q.accord === under.id && q.asker === me && q.holder === to && q.selector === kind)
  const left = quota ? Math.max(0, quota.quota - quota.used) : under.match!.find((m) => m.kind === kind)!.quota
  const send = (path: string) => () =>
    call<Question>('POST', path, { body: { accord: under.id, to, selector: kind, case: reference.trim(), values: lines.filter((l) => l.trim()) } })
  const done = () => {
    setText('')
    void queries.invalidateQueries()
  }
  const ask = useMutation({ mutationFn: send('/match/ask'), onSuccess: done })
  const stand = useMutation({ mutationFn: send('/match/standing'), onSuccess: done })
  const busy = ask.isPending || stand.isPending
  const ready = keys > 0 && keys <= left && reference.trim() !== '' && settled === text && !busy
  const error = ask.error ?? stand.error
  return (
    <div className="ask">
      <div className="ask-how">
        <Choice label={say('release.accord')} value={under.id} options={props.accords.map((a) => [a.id, a.title])} onChange={(accord) => amend({ accord, to: '', kind: '' })} />
        {others.length > 1 && <Choice label={say('ask.to')} value={to} options={others.map((m) => [m.party, m.name])} onChange={(value) => amend({ to: value })} />}
        <Choice label={say('ask.kind')} value={kind} options={under.match!.map((m) => [m.kind, term('selector', m.kind)])} onChange={(value) => amend({ kind: value })} />
        <label className="choice">
          <span className="label">{say('ask.case')}</span>
          <input value={reference} dir="auto" maxLength={100} onChange={(event) => setReference(event.target.value)} />
        </label>
      </div>
      <label className="field">
        <span className="label">{say('ask.values')}</span>
        <textarea rows={7} value={text} dir="auto" spellCheck={false} onChange={(event) => setText(event.target.value)} />
      </label>
      {preview.error ? <ProblemNote error={preview.error} /> : settled.trim() && !preview.data ? <Loading /> : found.length > 0 && <Preview of={found} />}
      <p role="status" className={keys > left ? 'over' : undefined}>
        {say('ask.quota', { n: keys, left })} {keys > left && say('ask.over')}
      </p>
      {error != null && <ProblemNote error={error} />}
      <p className="acts">
        <Act kind="main" icon="ask" isDisabled={!ready} onPress={() => ask.mutate()}>{busy ? say('working') : say('ask.act')}</Act>
        <Act isDisabled={!ready} onPress={() => stand.mutate()}>{say('ask.stand')}</Act>
        {keys > 0 && reference.trim() === '' && <span className="quiet">{say('ask.needs-case')}</span>}
      </p>
    </div>
  )
}

function Preview(props: { of: AskedLine[] }) {
  const say = useSay()
  const wrong = props.of.filter((l) => l.reason)
  return (
    <>
      <p>{say('preview.n', { n: props.of.length - wrong.length, wrong: wrong.length })}</p>
      <div className="table-box ask-preview" tabIndex={0} role="region" aria-label={say('preview.title')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{say('preview.line')}</th>
              <th scope="col">{say('preview.written')}</th>
              <th scope="col">{say('preview.asked')}</th>
            </tr>
          </thead>
          <tbody>
            {[...wrong, ...props.of.filter((l) => !l.reason)].map((l) => (
              <tr key={l.line} className={l.reason ? 'wrong' : undefined}>
                <td>{l.line}</td>
                <td><bdi>{l.value}</bdi></td>
                <td>
                  {l.reason ? <strong>{say('preview.not')} <bdi>{l.reason}</bdi></strong> : l.keys.map((k) => <code key={k} dir="ltr">{k} </code>)}
                  {!!l.first && <span className="quiet">{say('preview.twice', { n: l.first })}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
