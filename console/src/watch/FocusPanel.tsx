import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { focuses } from '../api/queries'
import type { Focus } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Day, Empty, Panel, ProblemNote } from '../parts'
import { useAreaName } from '../overview/area'

const classes = ['civilian', 'state', 'security-forces', 'religious', 'communal', 'infrastructure', 'health', 'education', 'relief', 'media', 'business', 'unknown']

/** FocusPanel: areas that people watch and units assigned to them. With plans and
 * what is read they are the node's attention. */
export function FocusPanel(props: { areas: string[] }) {
  const say = useSay()
  const asked = useQuery(focuses)
  return (
    <Panel id="focus" title={say('focus.title')} note={say('focus.note')}>
      <Form areas={props.areas} />
      <Asked of={asked}>
        {(data) =>
          data.focus.length ? (
            <ul className="focuses">{data.focus.map((one) => <li key={one.id}><Row of={one} /></li>)}</ul>
          ) : (
            <Empty title={say('focus.none')}>{say('focus.none-note')}</Empty>
          )
        }
      </Asked>
    </Panel>
  )
}

function Form(props: { areas: string[] }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const queries = useQueryClient()
  const [area, setArea] = useState('')
  const [target, setTarget] = useState('')
  const [units, setUnits] = useState('0')
  const [until, setUntil] = useState('')
  const [note, setNote] = useState('')
  const setting = useMutation({
    mutationFn: () => call<Focus>('POST', '/watch/focus', { body: { area: area.trim(), class: target, units: Number(units) || 0, until, note: note.trim() } }),
    onSuccess: () => {
      setArea('')
      setNote('')
      setUnits('0')
      void queries.invalidateQueries({ queryKey: ['focus'] })
      void queries.invalidateQueries({ queryKey: ['diversification'] })
    },
  })
  return (
    <div className="focus-form">
      <label className="choice">
        <span className="label">{say('filter.area')}</span>
        <input list="focus-areas" value={area} dir="auto" maxLength={200} onChange={(event) => setArea(event.target.value)} />
        <datalist id="focus-areas">{props.areas.map((a) => <option key={a} value={a}>{areaName(a)}</option>)}</datalist>
      </label>
      <Choice label={say('filter.class')} value={target} options={[['', say('filter.all-classes')], ...classes.map((c) => [c, term('class', c)] as const)]} onChange={setTarget} />
      <label className="choice">
        <span className="label">{say('focus.units')}</span>
        <input type="number" min={0} max={100000} value={units} onChange={(event) => setUnits(event.target.value)} />
      </label>
      <label className="choice">
        <span className="label">{say('focus.until')}</span>
        <input type="date" value={until} onChange={(event) => setUntil(event.target.value)} />
      </label>
      <label className="choice focus-why">
        <span className="label">{say('focus.why')}</span>
        <input value={note} dir="auto" maxLength={2000} onChange={(event) => setNote(event.target.value)} />
      </label>
      <Act icon="plus" isDisabled={area.trim() === '' || setting.isPending} onPress={() => setting.mutate()}>{say('focus.set')}</Act>
      {setting.error != null && <ProblemNote error={setting.error} />}
    </div>
  )
}

function Row(props: { of: Focus }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const queries = useQueryClient()
  const { of } = props
  const ending = useMutation({
    mutationFn: () => call('DELETE', `/watch/focus/${encodeURIComponent(of.id)}`),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['focus'] })
      void queries.invalidateQueries({ queryKey: ['diversification'] })
    },
  })
  return (
    <div className="focus-row">
      <p>
        <strong>{areaName(of.area)}</strong>{of.class && <> · {term('class', of.class)}</>} · {say('focus.n', { n: of.units })}
        {of.until && <> · {say('focus.until')} <Day at={of.until} solar /></>}
        {of.note && <span className="row-sub"><bdi>{of.note}</bdi></span>}
        {!of.known && <span className="row-sub">{say('focus.unknown')}</span>}
      </p>
      {ending.error != null && <ProblemNote error={ending.error} />}
      <Act isDisabled={ending.isPending} onPress={() => ending.mutate()}>{say('focus.end')} <span className="unseen"><bdi>{of.area}</bdi></span></Act>
    </div>
  )
}
