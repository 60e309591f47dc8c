import type { Accord } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { PartyName } from '../parts'

export const rungs = ['contact', 'match', 'tearline', 'full', 'joint'] as const

/** Ladder shows how far each member trusts each other one: a column per grant,
 * climbing from contact to joint work, up to the ceiling that they signed. */
export function Ladder(props: { accord: Accord }) {
  const { accord } = props
  const say = useSay()
  const term = useTerm()
  const grants = accord.rungs ?? []
  const ceiling = rungs.indexOf(accord.ceiling.rung as (typeof rungs)[number])
  const name = (id: string) => accord.members.find((m) => m.party === id)?.name ?? id
  return (
    <>
      <table className="ladder">
        <thead>
          <tr>
            <th scope="col">{say('ladder.rung')}</th>
            {grants.map((grant) => (
              <th scope="col" key={grant.from + grant.to}>
                <span className="ladder-who">
                  <PartyName id={grant.from} name={name(grant.from)} />
                  <span className="quiet">{say('ladder.grants')}</span>
                  <PartyName id={grant.to} name={name(grant.to)} />
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rungs.keys()].reverse().map((level) => (
            <tr key={level} className={rowKind(level, ceiling)}>
              <th scope="row">
                <span className="rung-level">{level}</span>
                <span className="rung-name">{term('rung', rungs[level]!)}</span>
                {level === ceiling && <span className="rung-ceiling">{say('ladder.ceiling')}</span>}
                <span className="rung-note">{say(`rung-note.${rungs[level]!}`)}</span>
              </th>
              {grants.map((grant) => {
                const reached = rungs.indexOf(grant.rung as (typeof rungs)[number])
                const words: 'ladder.here' | 'ladder.below' | 'ladder.offered' | 'ladder.open' | 'ladder.closed' =
                  level === reached ? 'ladder.here'
                  : rungs[level] === grant.offered ? 'ladder.offered'
                  : level < reached ? 'ladder.below'
                  : level <= ceiling ? 'ladder.open'
                  : 'ladder.closed'
                return (
                  <td key={grant.from + grant.to}>
                    <span className={`step ${words.replace('ladder.', 'step-')}`}>{say(words)}</span>
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="panel-foot">{say('ladder.note')}</p>
    </>
  )
}

const rowKind = (level: number, ceiling: number) =>
  level > ceiling ? 'above' : level === ceiling ? 'at-ceiling' : undefined
