// Drafts of accords: written here, kept by the node, seen by nobody else until offered.
import { useState, type FormEvent } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { drafts } from '../api/queries'
import type { Accord, KeptDraft } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Panel, ProblemNote } from '../parts'
import { Confirm } from '../parts/Confirm'
import { useDraft } from '../parts/draft'
import { go } from '../route'
import { rungs } from './Ladder'
import { blank, differences, draftOf, terms, valuesOf, type Kind, type Term, type Values } from './terms'

/** Drafts lists what is drafted and edits one of them. */
export function Drafts(props: { accord: Accord | undefined; self: string }) {
  const say = useSay()
  const asked = useQuery(drafts)
  const [open, setOpen] = useState<{ name: string; values: Values; amends: string } | null>(null)
  const begin = (values: Values, amends = '') => setOpen({ name: `draft-${Date.now().toString(36)}`, values, amends })
  return (
    <Panel
      id="drafts"
      title={say('draft.title')}
      tools={
        <>
          <Act onPress={() => begin({ ...blank, members: props.self })}>{say('draft.new')}</Act>
          {props.accord && <Act onPress={() => begin(signed(props.accord!), props.accord!.id)}>{say('draft.amend')}</Act>}
        </>
      }
    >
      <Asked of={asked}>
        {(data) => (
          <ul className="rows">
            {(data.drafts ?? []).map((one: KeptDraft) => (
              <li key={one.name}>
                <strong><bdi>{one.draft.title}</bdi></strong>
                <Act onPress={() => setOpen({ name: one.name, values: valuesOf(one.draft), amends: one.draft.amends ?? '' })}>{say('draft.edit')}</Act>
              </li>
            ))}
          </ul>
        )}
      </Asked>
      {open && <Editor key={open.name} {...open} base={open.amends && props.accord?.id === open.amends ? signed(props.accord) : null} onClose={() => setOpen(null)} />}
    </Panel>
  )
}

// The signatures stand below the text.
const signed = (accord: Accord): Values => valuesOf(JSON.parse(accord.text.slice(0, accord.text.lastIndexOf('}') + 1)) as Parameters<typeof valuesOf>[0])

function Editor(props: { name: string; values: Values; amends: string; base: Values | null; onClose: () => void }) {
  const say = useSay()
  const store = useQueryClient()
  const [kept, keep, sent] = useDraft(`accord.${props.name}`, JSON.stringify(props.values))
  const [offering, setOffering] = useState(false)
  const values = JSON.parse(kept) as Values
  const put = () => call('POST', `/drafts/${encodeURIComponent(props.name)}`, { body: draftOf(values, props.amends) })
  const save = useMutation({ mutationFn: put, onSuccess: () => store.invalidateQueries({ queryKey: ['drafts'] }) })
  const offer = useMutation({
    mutationFn: async () => {
      await put()
      return call<Accord>('POST', `/drafts/${encodeURIComponent(props.name)}/offer`)
    },
    onSuccess: async (accord) => {
      sent()
      await store.invalidateQueries()
      props.onClose()
      go({ page: 'accords', id: accord.id })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <form className="inset draft" onSubmit={submit}>
      <div className="draft-fields">
        {terms.map(([term, label, kind]) => (
          <label key={term} className={kind === 'lines' ? 'wide' : undefined}>
            <span className="label">{say(label)}{kind === 'list' && <> ({say('draft.commas')})</>}</span>
            <Field kind={kind} value={values[term]} onChange={(text) => keep(JSON.stringify({ ...values, [term]: text }))} />
          </label>
        ))}
      </div>
      {props.base && <Differences before={props.base} after={values} />}
      {save.error && <ProblemNote error={save.error} />}
      {save.isSuccess && !save.isPending && <p role="status">{say('draft.saved')}</p>}
      <p className="acts">
        <Act type="submit" isDisabled={save.isPending}>{say('draft.save')}</Act>
        <Act kind="main" onPress={() => setOffering(true)}>{say('draft.offer')}</Act>
        <Act onPress={props.onClose}>{say('close')}</Act>
      </p>
      {offering && (
        <Confirm title={say('draft.offer-title')} act={say('draft.offer-act')} ready busy={offer.isPending} error={offer.error} onAct={() => offer.mutate()} onClose={() => setOffering(false)}>
          <p>{say('accord.sign-note')}</p>
        </Confirm>
      )}
    </form>
  )
}

const marks = ['TLP:CLEAR', 'TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:RED']
const times = ['minute', 'hour', 'day', 'week', 'month']

function Field(props: { kind: Kind; value: string; onChange: (text: string) => void }) {
  const term = useTerm()
  const { kind, value } = props
  const change = (event: { target: { value: string } }) => props.onChange(event.target.value)
  const choices = kind === 'rung' ? rungs : kind === 'tlp' ? marks : kind === 'time' ? times : null
  if (choices) {
    return (
      <select value={value} onChange={change}>
        {(choices as readonly string[]).map((one) => <option key={one} value={one}>{kind === 'rung' ? term('rung', one) : one}</option>)}
      </select>
    )
  }
  if (kind === 'lines') return <textarea rows={3} dir="ltr" value={value} onChange={change} />
  return <input type={kind === 'number' ? 'number' : 'text'} min={0} dir="auto" value={value} onChange={change} />
}

/** Differences puts the terms that change side by side. */
export function Differences(props: { before: Values; after: Values }) {
  const say = useSay()
  const found = differences(props.before, props.after)
  const label = (term: Term) => say(terms.find(([name]) => name === term)![1])
  return (
    <section aria-labelledby="differences">
      <h3 id="differences">{say('draft.differences')}</h3>
      {found.length === 0 ? (
        <p className="quiet">{say('draft.same')}</p>
      ) : (
        <table>
          <thead>
            <tr><th scope="col">{say('draft.term')}</th><th scope="col">{say('draft.before')}</th><th scope="col">{say('draft.after')}</th></tr>
          </thead>
          <tbody>
            {found.map((one) => (
              <tr key={one.term}>
                <th scope="row">{label(one.term)}</th>
                <td><del><bdi>{one.before || '–'}</bdi></del></td>
                <td><ins><bdi>{one.after || '–'}</bdi></ins></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
