import { lazy, Suspense, useMemo, useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Footprint, Spot } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { placedAt } from '../map/points'
import { Act, Choice, Loading, Panel, ProblemNote } from '../parts'
import { useDraft } from '../parts/draft'
import { instantOf, localOf } from '../parts/local'
import { purposes } from './purposes'

const MapView = lazy(() => import('../map/MapView'))

type Draft = { title: string; purpose: string; legal_basis: string; officer: string; unit: string; telephone: string; from: string; until: string; places: Spot[]; area: Spot[]; shape: 'circles' | 'polygon' }

const blank: Draft = { title: '', purpose: 'protection', legal_basis: '', officer: '', unit: '', telephone: '', from: '', until: '', places: [], area: [], shape: 'circles' }

/** EnterPlan takes a plan's places, or the corners of its area, on the map or as
 * figures; `of` is a plan that is changed. It is kept in this window until it is
 * entered. */
export function EnterPlan(props: { of?: Footprint | undefined; onDone: () => void }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const { of } = props
  const [kept, keep] = useDraft(of ? `plan-${of.id}` : 'plan', '', 'window')
  const [draft, setDraft] = useState<Draft>(() => read(kept, of))
  const change = (part: Partial<Draft>) => {
    const next = { ...draft, ...part }
    setDraft(next)
    keep(JSON.stringify(next))
  }
  const entering = useMutation({
    mutationFn: () => {
      const { unit, telephone, from, until, places, area, shape, ...rest } = draft
      return call<Footprint>('POST', '/deconflict/footprints', {
        body: { ...rest, ...(shape === 'polygon' ? { area } : { places }), ...(of ? untouched(of) : {}), from: instantOf(from), ...(until ? { until: instantOf(until) } : {}), ...(unit || telephone ? { unit: { name: unit, telephone } } : {}) },
      })
    },
    onSuccess: async () => {
      keep('')
      await queries.invalidateQueries()
      props.onDone()
    },
  })
  const polygon = draft.shape === 'polygon'
  const spots = polygon ? draft.area : draft.places
  const list = polygon ? 'area' : 'places'
  const place = (i: number, part: Partial<Spot>) => change({ [list]: spots.map((p, k) => (k === i ? { ...p, ...part } : p)) })
  const placed = useMemo(() => placedAt(polygon ? draft.area.map(({ lat, lon }) => ({ lat, lon })) : draft.places), [polygon, draft.area, draft.places])
  const ready = draft.legal_basis.trim() && draft.officer.trim() && draft.from && spots.length >= (polygon ? 3 : 1) && !entering.isPending
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
    <Panel id="enter" title={say(of ? 'plan.change-title' : 'plans.enter')} note={say('plan.note')}>
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
          <Choice label={say('plan.shape')} value={draft.shape} options={[['circles', say('plan.circles')], ['polygon', say('plan.polygon')]]} onChange={(shape) => change({ shape: shape as Draft['shape'] })} />
          <p className="quiet">{say('plan.places-note')}{polygon && <> {say('plan.corners', { n: spots.length })}</>}</p>
          <div className="plan-map">
            <Suspense fallback={<Loading />}>
              <MapView
                placed={placed}
                area=""
                {...(polygon ? { outline: draft.area } : {})}
                onSpot={(lat, lon) => change({ [list]: [...spots, polygon ? { lat: round(lat), lon: round(lon) } : { name: '', lat: round(lat), lon: round(lon), radius_km: 2 }] })}
              />
            </Suspense>
          </div>
          <ul className="spots">
            {spots.map((p, i) => (
              <li key={i}>
                {(polygon ? (['lat', 'lon'] as const) : (['name', 'lat', 'lon', 'radius_km'] as const)).map((key) => (
                  <label key={key}>
                    <span className="label">{say(`spot.${key}`)}</span>
                    <input
                      {...(key === 'name' ? { dir: 'auto' } : { type: 'number', step: 'any' })}
                      value={p[key] ?? ''}
                      onChange={(event) => place(i, { [key]: key === 'name' ? event.target.value : Number(event.target.value) })}
                    />
                  </label>
                ))}
                <Act icon="close" aria-label={say(polygon ? 'plan.corner-drop' : 'spot.drop', { n: i + 1 })} onPress={() => change({ [list]: spots.filter((_, k) => k !== i) })} />
              </li>
            ))}
          </ul>
          <p><Act icon="plus" onPress={() => change({ [list]: [...spots, polygon ? { lat: 34, lon: 70 } : { name: '', lat: 34, lon: 70, radius_km: 2 }] })}>{say(polygon ? 'plan.corner-add' : 'spot.add')}</Act></p>
        </div>
      </div>
      {entering.error != null && <ProblemNote error={entering.error} />}
      <p className="acts pad">
        <Act kind="main" isDisabled={!ready} onPress={() => entering.mutate()}>{entering.isPending ? say('working') : say(of ? 'plan.change-act' : 'plan.act')}</Act>
        <Act onPress={props.onDone}>{say('plan.later')}</Act>
      </p>
    </Panel>
  )
}

function read(kept: string, of: Footprint | undefined): Draft {
  const first: Draft = of
    ? {
        title: of.title ?? '', purpose: of.purpose, legal_basis: of.legal_basis, officer: of.officer, unit: of.unit?.name ?? '', telephone: of.unit?.telephone ?? '',
        from: localOf(of.from), until: of.until ? localOf(of.until) : '', places: of.places ?? [], area: of.area ?? [], shape: of.area?.length ? 'polygon' : 'circles',
      }
    : blank
  try {
    return { ...first, ...(JSON.parse(kept) as Partial<Draft>) }
  } catch {
    return first
  }
}

/** What a change of plan leaves as it was, as no field here shows it. */
const untouched = ({ id, accords, every_hours, repeat_until, standing }: Footprint) =>
  Object.fromEntries(Object.entries({ id, accords, every_hours, repeat_until, standing }).filter(([, v]) => v !== undefined && v !== null))

const round = (x: number) => Math.round(x * 10000) / 10000
