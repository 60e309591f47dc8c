import { useState } from 'react'
import type { Request } from '../api/types'
import { useSay } from '../i18n'
import { Act, Moment, Panel, PartyName, State } from '../parts'
import { AnswerDialog } from './AnswerDialog'

/** Requests: what partners ask of us and wait for, then what we asked of them. */
export function Requests(props: { requests: Request[] }) {
  const say = useSay()
  const open = props.requests.filter((r) => r.direction === 'in' && r.state === 'open')
  const rest = props.requests.filter((r) => !open.includes(r))
  if (!props.requests.length) return null
  return (
    <Panel
      id="requests"
      title={say('requests.title')}
      note={open.length ? say('requests.open', { n: open.length }) : say('requests.none-open')}
      className="requests-panel"
    >
      <ul className="requests">
        {[...open, ...rest].map((request) => (
          <li key={request.id}>
            <Row request={request} />
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function Row(props: { request: Request }) {
  const say = useSay()
  const { request } = props
  const [answering, setAnswering] = useState<'release' | 'decline' | null>(null)
  const incoming = request.direction === 'in'
  const open = request.state === 'open'
  return (
    <article className={open && incoming ? 'request request-open' : 'request'}>
      <div className="request-what">
        <p className="request-who">
          {incoming ? (
            <>
              <PartyName name={request.from} /> {say('request.asks-us')}
            </>
          ) : (
            <>
              {say('request.we-ask')} <PartyName name={request.to} />
            </>
          )}
          <State state={request.state} />
        </p>
        <p className="request-subject"><bdi>{request.subject}</bdi></p>
        {request.case && (
          <p className="quiet">
            {say('request.case')} <bdi>{request.case}</bdi>
            {request.value && !request.subject.includes(request.value) && <> · <code dir="ltr">{request.value}</code></>}
          </p>
        )}
        {request.reason && <p className="quiet"><bdi>{request.reason}</bdi></p>}
        <p className="quiet">
          {say('request.at')} <Moment at={request.at} />
          {open && request.due && (
            <>
              {' · '}
              {say('due')} <Moment at={request.due} solar />
            </>
          )}
        </p>
      </div>
      {open && incoming && (
        <div className="request-acts">
          <Act kind="main" onPress={() => setAnswering('release')}>{say('request.release')}</Act>
          <Act onPress={() => setAnswering('decline')}>{say('request.decline')}</Act>
        </div>
      )}
      {answering && (
        <AnswerDialog request={request} decision={answering} onClose={() => setAnswering(null)} />
      )}
    </article>
  )
}
