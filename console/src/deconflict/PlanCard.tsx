import { useState } from 'react'
import type { Footprint } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Fold, Moment, PartyName } from '../parts'
import { Reasoned } from '../release/Reasoned'

const tones: Record<string, string> = { checking: 'info', clear: 'good', conflict: 'warn' }

/** PlanCard: a plan, what to tell the unit, and how it stands with each partner. */
export function PlanCard(props: { of: Footprint; acts: boolean; onChange: (plan: Footprint) => void }) {
  const say = useSay()
  const term = useTerm()
  const [withdrawing, setWithdrawing] = useState(false)
  const { of } = props
  return (
    <article className="card-row">
      <h3><bdi>{of.title || say('plan.untitled')}</bdi></h3>
      <p><strong className={of.conflict ? 'over' : undefined}><bdi>{of.answer}</bdi></strong></p>
      <p className="quiet">
        {term('plan-state', of.state)} · {term('plan-purpose', of.purpose)} · <bdi>{of.officer}</bdi> · <Moment at={of.from} solar />
        {of.until && <> – <Moment at={of.until} /></>} · {say('plan.cells', { n: of.cells })}
        {of.version > 1 && <> · {say('plan.version', { n: of.version })}</>}
      </p>
      <ul className="withs">
        {of.with?.map((w) => (
          <li key={w.accord + w.party}>
            <PartyName id={w.party} name={w.name} /> <span className={`state tone-${tones[w.state] ?? 'off'}`}>{term('plan-with', w.state)}</span>
            {w.contact && w.state === 'conflict' && <span>{say('plan.call')} <bdi>{w.contact}</bdi></span>}
            {w.resolved && <span>{term('resolution', w.resolved)}</span>}
            {w.reason && <span className="quiet"><bdi>{w.reason}</bdi></span>}
            {w.overlap && (
              <Fold title={say('plan.overlap', { n: w.overlap.cells?.length ?? 0 })}>
                <ul>{w.overlap.windows?.map((x) => <li key={x.from}><Moment at={x.from} solar /> – <Moment at={x.until} /></li>)}</ul>
                <ul className="inline-list">{w.overlap.cells?.map((c) => <li key={c.cell}><bdi dir="ltr">{c.lat.toFixed(3)}, {c.lon.toFixed(3)}</bdi></li>)}</ul>
              </Fold>
            )}
          </li>
        ))}
      </ul>
      {props.acts && of.state === 'active' && <p className="acts"><Act onPress={() => props.onChange(of)}>{say('plan.change')}</Act> <Act onPress={() => setWithdrawing(true)}>{say('plan.withdraw')}</Act></p>}
      {withdrawing && (
        <Reasoned
          title={say('plan.withdraw-title')}
          act={say('plan.withdraw-act')}
          label={say('plan.why')}
          path={`/deconflict/footprints/${encodeURIComponent(of.id)}/withdraw`}
          body={(reason) => ({ reason })}
          onClose={() => setWithdrawing(false)}
        >
          <p className="dialog-subject" dir="auto">{of.title || of.id}</p>
        </Reasoned>
      )}
    </article>
  )
}
