import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { useSay } from '../i18n'
import { Act, Asked, Day, Panel } from '../parts'
import { Confirm } from '../parts/Confirm'
import { instant } from '../parts/time'
import { calendar, recoveries } from './queries'

const dayLong = 24 * 3600 * 1000

/** Keys is the calendar of what ends when, soonest first. */
export function Keys() {
  const say = useSay()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const coming = useQuery(recoveries).data?.recoveries?.length ?? 0
  const rotate = useMutation({
    mutationFn: () => call('POST', '/card/rotate'),
    onSuccess: async () => {
      await queries.invalidateQueries()
      setAsking(false)
    },
  })
  return (
    <Panel id="keys" title={say('keys.title')} tools={<Act onPress={() => setAsking(true)}>{say('keys.rotate')}</Act>}>
      <Asked of={useQuery(calendar)}>
        {({ dates }) => (
          <ul className="rows">
            {[...dates].sort((a, b) => a.at.localeCompare(b.at)).map((one) => {
              const left = Math.floor(((instant(one.at)?.getTime() ?? 0) - Date.now()) / dayLong)
              return (
                <li key={one.what + one.name}>
                  <strong><bdi>{one.name}</bdi></strong>
                  <span>{say(one.what === 'accord' ? 'keys.accord' : 'keys.card')}{one.own && one.what === 'card' && <> · {say('accord.me')}</>}</span>
                  <span>{say('keys.ends')} <Day at={one.at} solar /></span>
                  <span className={left < 30 ? 'state tone-warn' : 'quiet'}>{say('keys.left', { n: Math.max(0, left) })}</span>
                </li>
              )
            })}
          </ul>
        )}
      </Asked>
      {coming > 0 && <p className="callout" role="status">{say('keys.recoveries', { n: coming })}</p>}
      {asking && (
        <Confirm title={say('keys.rotate-title')} act={say('keys.rotate-act')} kind="grave" ready busy={rotate.isPending} error={rotate.error} onAct={() => rotate.mutate()} onClose={() => setAsking(false)}>
          <p>{say('keys.rotate-note')}</p>
        </Confirm>
      )}
    </Panel>
  )
}
