import { useState } from 'react'
import type { Operation, WorkItem } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Choice, Empty, Moment, Panel, ProblemNote } from '../parts'
import { instantOf } from '../parts/local'
import { newID, useActs } from './act'
import { Conflicts } from './OperationView'

const states = ['open', 'doing', 'done', 'dropped'] as const

/** Tasks: who does what until when; a state is changed in place. */
export function Tasks(props: { of: Operation; acts: boolean }) {
  const say = useSay()
  const term = useTerm()
  const doing = useActs(props.of.id)
  const tasks = props.of.tasks ?? []
  return (
    <Panel id="op-tasks" title={say('op.tasks')}>
      {tasks.length ? (
        <ul className="cards">
          {tasks.map((t) => (
            <li key={t.id} className="card-row">
              <p className="card-head">
                <strong><bdi>{t.fields?.title}</bdi></strong>
                {t.fields?.owner && <bdi>{t.fields.owner}</bdi>}
                {t.fields?.due && <span className="quiet">{say('op.due')} <Moment at={t.fields.due} solar /></span>}
                {props.acts ? (
                  <Choice label={say('term.state')} value={t.fields?.state ?? 'open'} options={states.map((s) => [s, term('task-state', s)])} onChange={(state) => doing.mutate({ kind: 'set', item: `task/${t.id}`, fields: { state } })} />
                ) : (
                  <span>{term('task-state', t.fields?.state ?? 'open')}</span>
                )}
              </p>
              {t.fields?.note && <p dir="auto">{t.fields.note}</p>}
              <Conflicts item={t} acts={props.acts} onKeep={(field, value) => doing.mutate({ kind: 'set', item: `task/${t.id}`, fields: { [field]: value } })} />
            </li>
          ))}
        </ul>
      ) : (
        <Empty title={say('op.no-tasks')} />
      )}
      {doing.error != null && <ProblemNote error={doing.error} />}
      {props.acts && <NewItem of={props.of} kind="task" fields={['title', 'owner', 'due', 'note']} act={say('op.add-task')} />}
    </Panel>
  )
}

/** Contacts: who is to be called on each side. */
export function Contacts(props: { of: Operation; acts: boolean }) {
  const say = useSay()
  const doing = useActs(props.of.id)
  const all = props.of.liaisons ?? []
  return (
    <Panel id="op-contacts" title={say('op.contacts')}>
      {all.length ? (
        <ul className="cards">
          {all.map((l: WorkItem) => (
            <li key={l.id} className="card-row">
              <p className="card-head"><strong><bdi>{l.fields?.name}</bdi></strong> <bdi>{l.fields?.party}</bdi> <bdi dir="ltr">{l.fields?.contact}</bdi> <bdi className="quiet">{l.fields?.hours}</bdi></p>
              <Conflicts item={l} acts={props.acts} onKeep={(field, value) => doing.mutate({ kind: 'set', item: `liaison/${l.id}`, fields: { [field]: value } })} />
            </li>
          ))}
        </ul>
      ) : (
        <Empty title={say('op.no-contacts')} />
      )}
      {props.acts && <NewItem of={props.of} kind="liaison" fields={['name', 'party', 'contact', 'hours']} act={say('op.add-contact')} />}
    </Panel>
  )
}

type Field = 'title' | 'owner' | 'due' | 'note' | 'name' | 'party' | 'contact' | 'hours' | 'text'

/** NewItem adds a task, a contact or a decision; its first field is needed. */
export function NewItem(props: { of: Operation; kind: 'task' | 'liaison' | 'decision'; fields: readonly Field[]; act: string }) {
  const { kind, fields } = props
  const say = useSay()
  const doing = useActs(props.of.id)
  const [values, setValues] = useState<Partial<Record<Field, string>>>({})
  const set = Object.fromEntries(Object.entries(values).filter(([, v]) => v.trim()).map(([f, v]) => [f, f === 'due' ? instantOf(v) : v.trim()]))
  return (
    <form
      className="inset op-line"
      onSubmit={(event) => {
        event.preventDefault()
        if (set[fields[0]!]) doing.mutate({ kind: 'set', item: `${kind}/${newID()}`, fields: set }, { onSuccess: () => setValues({}) })
      }}
    >
      {fields.map((f) => (
        <label className="field" key={f}>
          <span className="label">{say(`term.${f}`)}</span>
          <input type={f === 'due' ? 'datetime-local' : 'text'} {...(f === 'due' ? {} : { dir: 'auto', maxLength: 2000 })} value={values[f] ?? ''} onChange={(event) => setValues({ ...values, [f]: event.target.value })} />
        </label>
      ))}
      <Act type="submit" icon="plus" isDisabled={!set[fields[0]!] || doing.isPending}>{props.act}</Act>
      {doing.error != null && <ProblemNote error={doing.error} />}
    </form>
  )
}
