import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call, callLines } from '../api/client'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Panel, ProblemNote } from '../parts'
import { useDraft } from '../parts/draft'
import { policy, type Files } from './queries'

type Change = { object: string; title: string; to: string; was: string; is: string; reason: string }
type Tally = { decisions: number; more: number; less: number; same: number }
type Trial = { changes: Change[]; tally: Tally | null }

export function Policy() {
  const say = useSay()
  const asked = useQuery(policy)
  const [saved, setSaved] = useState(false)
  return (
    <Panel id="policy" title={say('policy-edit.title')} note={say('policy-edit.note')}>
      <Asked of={asked}>{({ files }) => <Editor key={JSON.stringify(files)} files={files} onSaved={() => setSaved(true)} />}</Asked>
      {saved && <p className="inset" role="status">{say('policy-edit.saved')}</p>}
    </Panel>
  )
}

const shownAtMost = 50

function Editor({ files, onSaved }: { files: Files; onSaved: () => void }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const names = Object.keys(files).length ? Object.keys(files) : ['policy.cedar']
  const [name, setName] = useState(names[0]!)
  const [kept, keep, sent] = useDraft('policy', JSON.stringify(files))
  const edited = JSON.parse(kept) as Files
  const put = (text: string) => {
    const { [name]: _, ...rest } = edited
    keep(JSON.stringify(text.trim() ? { ...rest, [name]: text } : rest))
  }
  const attempt = useMutation({
    mutationFn: async (): Promise<Trial> => {
      const out: Trial = { changes: [], tally: null }
      for (const line of await callLines<Partial<Change> & { tally?: Tally }>('/policy/dry-run', { files: edited })) {
        if (line.tally) out.tally = line.tally
        else if (out.changes.length < shownAtMost) out.changes.push(line as Change)
      }
      return out
    },
  })
  const save = useMutation({
    mutationFn: () => call<{ files: Files }>('POST', '/policy', { body: { was: files, files: edited } }),
    onSuccess: (next) => {
      sent()
      onSaved()
      queries.setQueryData(policy.queryKey, next)
    },
  })
  const trial = attempt.data
  return (
    <div className="inset">
      {names.length > 1 && (
        <label className="choice"><span className="label">{say('policy-edit.file')}</span>
          <select value={name} onChange={(event) => setName(event.target.value)}>{names.map((one) => <option key={one}>{one}</option>)}</select>
        </label>
      )}
      <label className="field"><span className="label">{say('policy-edit.text')} (<bdi>{name}</bdi>)</span>
        <textarea className="code" rows={12} dir="ltr" spellCheck={false} value={edited[name] ?? ''} onChange={(event) => put(event.target.value)} />
      </label>
      {(attempt.error ?? save.error) && <ProblemNote error={attempt.error ?? save.error} />}
      <p className="acts">
        <Act onPress={() => attempt.mutate()} isDisabled={attempt.isPending}>{say('policy-edit.try')}</Act>
        <Act kind="main" onPress={() => save.mutate()} isDisabled={save.isPending || !trial || kept === JSON.stringify(files)}>{say('policy-edit.save')}</Act>
      </p>
      {trial?.tally && <p role="status">{say('policy-edit.tally', { ...trial.tally })}</p>}
      {trial && trial.changes.length > 0 && (
        <div className="table-box" tabIndex={0} role="region" aria-label={say('policy-edit.change')}>
          <table>
            <thead><tr><th scope="col">{say('policy-edit.change')}</th><th scope="col">{say('oversight.to')}</th><th scope="col">{say('policy-edit.was')}</th><th scope="col">{say('policy-edit.is')}</th></tr></thead>
            <tbody>
              {trial.changes.map((one) => (
                <tr key={one.object + one.to}>
                  <td><bdi>{one.title}</bdi><br /><bdi className="quiet">{one.reason}</bdi></td>
                  <td><bdi>{one.to}</bdi></td>
                  <td>{term('outcome', one.was)}</td>
                  <td>{term('outcome', one.is)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}
