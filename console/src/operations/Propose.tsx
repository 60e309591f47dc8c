import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords } from '../api/queries'
import type { Operation } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Choice, Panel, ProblemNote } from '../parts'
import { useDraft } from '../parts/draft'
import { instantOf } from '../parts/local'
import { purposes } from '../deconflict/purposes'
import { go } from '../route'

type Draft = { accord: string; exercise: boolean; title: string; purpose: string; legal_basis: string; officer: string; from: string; until: string; place: string; summary: string }

const blank: Draft = { accord: '', exercise: true, title: '', purpose: 'protection', legal_basis: '', officer: '', from: '', until: '', place: '', summary: '' }

/** Propose writes the terms that every member is asked to agree to. They are kept in
 * this window until they are sent. */
export function Propose(props: { onDone: () => void }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const [kept, keep, sent] = useDraft('operation', '', 'window')
  const [draft, setDraft] = useState<Draft>(() => ({ ...blank, ...parsed(kept) }))
  const change = (part: Partial<Draft>) => {
    const next = { ...draft, ...part }
    setDraft(next)
    keep(JSON.stringify(next))
  }
  const known = useQuery(accords).data?.accords ?? []
  const open = known.filter((a) => a.state === 'in force' && a.members.some((m) => m.me))
  const accord = draft.accord || open[0]?.id || ''
  const proposing = useMutation({
    mutationFn: () => {
      const { accord: _, exercise, from, until, ...fields } = draft
      const set = { ...fields, from: from && instantOf(from), until: until && instantOf(until) }
      return call<Operation>('POST', '/operations', { body: { accord, exercise, fields: Object.fromEntries(Object.entries(set).filter(([, v]) => v)) } })
    },
    onSuccess: async (made) => {
      sent()
      await queries.invalidateQueries()
      go({ page: 'operations', id: made.id })
    },
  })
  const ready = accord && draft.title.trim() && draft.legal_basis.trim() && draft.officer.trim() && !proposing.isPending
  const text = (key: 'title' | 'legal_basis' | 'officer' | 'place') => (
    <label className="field">
      <span className="label">{say(`term.${key}`)}</span>
      <input value={draft[key]} dir="auto" maxLength={500} onChange={(event) => change({ [key]: event.target.value })} />
    </label>
  )
  return (
    <Panel id="propose" title={say('op.propose')} note={say('op.propose-note')}>
      <div className="inset op-form">
        <Choice label={say('ledger.accord')} value={accord} options={open.map((a) => [a.id, a.title])} onChange={(value) => change({ accord: value })} />
        <label className="check">
          <input type="checkbox" checked={draft.exercise} onChange={(event) => change({ exercise: event.target.checked })} /> {say('op.is-exercise')}
        </label>
        {text('title')}
        <Choice label={say('release.purpose')} value={draft.purpose} options={purposes.map((p) => [p, term('plan-purpose', p)])} onChange={(purpose) => change({ purpose })} />
        {text('legal_basis')}
        {text('officer')}
        {text('place')}
        {(['from', 'until'] as const).map((key) => (
          <label className="field" key={key}>
            <span className="label">{say(`term.${key}`)}</span>
            <input type="datetime-local" value={draft[key]} onChange={(event) => change({ [key]: event.target.value })} />
          </label>
        ))}
        <label className="field op-wide">
          <span className="label">{say('term.summary')}</span>
          <textarea rows={3} value={draft.summary} dir="auto" maxLength={4000} onChange={(event) => change({ summary: event.target.value })} />
        </label>
      </div>
      {proposing.error != null && <ProblemNote error={proposing.error} />}
      <p className="acts pad">
        <Act kind="main" isDisabled={!ready} onPress={() => proposing.mutate()}>{say(proposing.isPending ? 'working' : 'op.propose-act')}</Act>
        <Act onPress={props.onDone}>{say('plan.later')}</Act>
      </p>
    </Panel>
  )
}

function parsed(kept: string): Partial<Draft> {
  try {
    return JSON.parse(kept) as Partial<Draft>
  } catch {
    return {}
  }
}
