import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { BrowserSession } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Moment, ProblemNote } from '../parts'

/** Sessions lists where people are signed in, each with a way to end it. */
export function Sessions(props: { sessions: BrowserSession[]; path: string; named?: boolean }) {
  const say = useSay()
  const term = useTerm()
  const store = useQueryClient()
  const end = useMutation({
    mutationFn: (id: string) => call('DELETE', `${props.path}/${id}`),
    onSettled: () => Promise.all(['my-sessions', 'sessions'].map((key) => store.invalidateQueries({ queryKey: [key] }))),
  })
  return (
    <>
      {end.error && <ProblemNote error={end.error} />}
      <ul className="rows">
        {props.sessions.map((one) => (
          <li key={one.id}>
            {props.named && <strong><bdi>{one.name}</bdi></strong>}
            <span>{term('how', one.how)}{one.here && <> · <strong>{say('sessions.here')}</strong></>}{one.locked && <> · {say('sessions.locked')}</>}</span>
            <span>{say('since')} <Moment at={one.at} /></span>
            <span>{say('sessions.ends')} <Moment at={one.until} /></span>
            <span className="quiet agent" dir="ltr">{one.from} {one.agent}</span>
            {!one.here && <Act onPress={() => end.mutate(one.id)}>{say('sessions.end')}</Act>}
          </li>
        ))}
      </ul>
    </>
  )
}
