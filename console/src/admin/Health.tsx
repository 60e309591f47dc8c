import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call, patience } from '../api/client'
import { useSay } from '../i18n'
import { Act, Asked, Moment, Panel, ProblemNote } from '../parts'
import { Icon } from '../parts/Icon'
import { health, rehearsal, type Rehearsal } from './queries'

/** Health is what parley doctor finds in the running node. */
export function Health() {
  const say = useSay()
  return (
    <Panel
      id="health" title={say('health.title')}
      tools={<a className="receipt" href="/api/v1/support" download><Icon name="download" size={16} /> {say('health.support')}</a>}
    >
      <Asked of={useQuery(health)}>
        {({ checks }) => (
          <ul className="rows">
            {[...checks].sort((a, b) => Number(a.ok) - Number(b.ok)).map((check) => (
              <li key={check.name}>
                <span className={`state tone-${check.ok ? 'good' : 'warn'}`}>{say(check.ok ? 'health.good' : 'health.bad')}</span>
                <strong><bdi>{check.name}</bdi></strong>
                <bdi>{check.found}</bdi>
                {check.do && <span>{say('health.do')} <bdi>{check.do}</bdi></span>}
              </li>
            ))}
          </ul>
        )}
      </Asked>
      <p className="panel-foot">{say('health.support-note')}</p>
    </Panel>
  )
}

/** Backups tells when a restore was last tried, and tries one. */
export function Backups() {
  const say = useSay()
  const queries = useQueryClient()
  const rehearse = useMutation({
    // A large node takes a while; the answer is kept on the node, too.
    mutationFn: () => call<{ last: Rehearsal }>('POST', '/rehearsal', { signal: AbortSignal.timeout(patience) }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['rehearsal'] }),
  })
  return (
    <Panel id="backups" title={say('backup.title')}>
      <div className="inset">
        <Asked of={useQuery(rehearsal)}>
          {({ last }) =>
            last ? (
              <>
                <p className="verdict" role="status"><Icon name={last.ok ? 'check' : 'warn'} /> {say(last.ok ? 'backup.yes' : 'backup.no')}</p>
                <p><Moment at={last.at} solar /> · <bdi>{last.by}</bdi> · <bdi>{last.found}</bdi></p>
              </>
            ) : (
              <p>{say('backup.never')}</p>
            )
          }
        </Asked>
        {rehearse.error && <ProblemNote error={rehearse.error} />}
        <p><Act onPress={() => rehearse.mutate()} isDisabled={rehearse.isPending}>{say(rehearse.isPending ? 'working' : 'backup.rehearse')}</Act></p>
        <p className="quiet">{say('backup.how')}</p>
      </div>
    </Panel>
  )
}
