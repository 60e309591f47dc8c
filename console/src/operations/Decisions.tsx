import type { Operation } from '../api/types'
import { useSay } from '../i18n'
import { Act, Digest, Empty, Panel, PartyName, ProblemNote } from '../parts'
import { useActs } from './act'
import { NewItem } from './Items'
import { Conflicts } from './OperationView'

/** Decisions are taken when every member has signed their present text. */
export function Decisions(props: { of: Operation; acts: boolean; us: string }) {
  const say = useSay()
  const doing = useActs(props.of.id)
  const all = props.of.decisions ?? []
  return (
    <Panel id="op-decisions" title={say('op.decisions')} note={say('op.decisions-note')}>
      {all.length ? (
        <ul className="cards">
          {all.map((d) => (
            <li key={d.id} className="card-row">
              <p><bdi>{d.fields?.text}</bdi></p>
              <p className="card-head">
                <span className={`state tone-${d.taken ? 'good' : 'info'}`}>{say(d.taken ? 'op.taken' : 'op.not-taken')}</span>
                {!!d.signed?.length && <span>{say('op.signed-by')} {d.signed.map((p) => <PartyName key={p} id={p} name={p} />)}</span>}
                {d.digest && <Digest value={d.digest} keep={8} />}
                {props.acts && d.digest && !d.signed?.includes(props.us) && (
                  <Act kind="main" isDisabled={doing.isPending} onPress={() => doing.mutate({ kind: 'sign', item: `decision/${d.id}`, digest: d.digest })}>{say('op.sign')}</Act>
                )}
              </p>
              <Conflicts item={d} acts={props.acts} onKeep={(field, value) => doing.mutate({ kind: 'set', item: `decision/${d.id}`, fields: { [field]: value } })} />
            </li>
          ))}
        </ul>
      ) : (
        <Empty title={say('op.no-decisions')} />
      )}
      {doing.error != null && <ProblemNote error={doing.error} />}
      {props.acts && <NewItem of={props.of} kind="decision" fields={['text']} act={say('op.add-decision')} />}
    </Panel>
  )
}
