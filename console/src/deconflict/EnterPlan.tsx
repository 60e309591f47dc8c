import { lazy, Suspense, useMemo, useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Footprint, Spot } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { placedAt } from '../map/points'
import { Act, Choice, Loading, Panel, ProblemNote } from '../parts'
import { useDraft } from '../parts/draft'

const MapView = lazy(() => import('../map/MapView'))

const purposes = ['protection', 'rescue', 'arrest', 'border-control', 'humanitarian-access']

type Draft = { title: string; purpose: string; legal_basis: string; officer: string; unit: string; telephone: string; from: string; until: string; places: Spot[] }

const blank: Draft = { title: '', purpose: 'protection', legal_basis: '', officer: '', unit: '', telephone: '', from: '', until: '', places: [] }

/** EnterPlan takes a plan's places on the map or as figures. It is kept in this
 * window until it is entered. */
export function EnterPlan(props: { onDone: () => void }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const [kept, keep] = useDraft('plan', '', 'window')
  const [draft, setDraft] = useState<Draft>(() => read(kept))
  const change = (part: Partial<Draft>) => {
    const next = { ...draft, ...part }
    setDraft(next)
    keep(JSON.stringify(next))
  }
  const entering = useMutation({
    mutationFn: () => {
      const { unit, telephone, from, until, ...rest } = draft
      return call<Footprint>('POST', '/deconflict/footprints', {
        body: { ...rest, from: at(from), ...(until ? { until: at(until) } : {}), ...(unit || telephone ? { unit: { name: unit, telephone } } : {}) },
      })
    },
    onSuccess: async () => {
      keep('')
      await queries.invalidateQueries()
      props.onDone()
    },
  })
  const place = (i: number, part: Partial<Spot>) => change({ places: draft.places.map((p, k) => (k === i ? { ...p, ...part } : p)) })
  const placed = useMemo(() => placedAt(draft.places), [draft.places])
  const ready = draft.legal_basis.trim() && draft.officer.trim() && draft.from && draft.places.length > 0 && !entering.isPending
  const text = (key: 'title' | 'legal_basis' | 'officer' | 'unit' | 'telephone') => (
    <label className="choice">
      <span className="label">{say(`plan.${key}`)}</span>
      <input value={draft[key]} dir="auto" maxLength={200} onChange={(event) => change({ [key]: event.target.value })} />
    </label>
  )
  const time = (key: 'from' | 'until') => (
    <label className="choice">
      <span className="label">{say(`plan.${key}`)}</span>
      <input type="datetime-local" value={draft[key]} onChange={(event) => change({ [key]: event.target.value })} />
    </label>
  )
  return (
    <Panel id="enter" title={say('plans.enter')} note={say('plan.note')}>
      <div className="plan-form">
        <div className="plan-fields">
          {text('title')}
          <Choice label={say('release.purpose')} value={draft.purpose} options={purposes.map((p) => [p, term('plan-purpose', p)])} onChange={(purpose) => change({ purpose })} />
          {text('legal_basis')}
          {text('officer')}
          {time('from')}
          {time('until')}
          {text('unit')}
          {text('telephone')}
          <p className="quiet">{say('plan.zone', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</p>
        </div>
        <div className="plan-where">
          <h3>{say('plan.places')}</h3>
          <p className="quiet">{say('plan.places-note')}</p>
          <div className="plan-map">
            <Suspense fallback={<Loading />}>
              <MapView
                placed={placed}
                area=""
                onSpot={(lat, lon) => change({ places: [...draft.places, { name: '', lat: round(lat), lon: round(lon), radius_km: 2 }] })}
              />
            </Suspense>
          </div>
          <ul className="spots">
            {draft.places.map((p, i) => (
              <li key={i}>
                {(['name', 'lat', 'lon', 'radius_km'] as const).map((key) => (
                  <label key={key}>
                    <span className="label">{say(`spot.${key}`)}</span>
                    <input
                      {...(key === 'name' ? { dir: 'auto' } : { type: 'number', step: 'any' })}
                      value={p[key] ?? ''}
                      onChange={(event) => place(i, { [key]: key === 'name' ? event.target.value : Number(event.target.value) })}
                    />
                  </label>
                ))}
                <Act icon="close" aria-label={say('spot.drop', { n: i + 1 })} onPress={() => change({ places: draft.places.filter((_, k) => k !== i) })} />
              </li>
            ))}
          </ul>
          <p><Act icon="plus" onPress={() => change({ places: [...draft.places, { name: '', lat: 34, lon: 70, radius_km: 2 }] })}>{say('spot.add')}</Act></p>
        </div>
      </div>
      {entering.error != null && <ProblemNote error={entering.error} />}
      <p className="acts pad">
        <Act kind="main" isDisabled={!ready} onPress={() => entering.mutate()}>{entering.isPending ? say('working') : say('plan.act')}</Act>
        <Act onPress={props.onDone}>{say('plan.later')}</Act>
      </p>
    </Panel>
  )
}

function read(kept: string): Draft {
  try {
    return { ...blank, ...(JSON.parse(kept) as Partial<Draft>) }
  } catch {
    return blank
  }
}

/** at turns what a clock in the reader's zone shows into a moment. */
const at = (local: string) => new Date(local).toISOString().replace('.000Z', 'Z')

const round = (x: number) => Math.round(x * 10000) / 10000
