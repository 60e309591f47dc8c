import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { call, Problem } from '../api/client'
import { ways } from '../api/queries'
import type { Session, Ways } from '../api/types'
import { useSay, type MessageId } from '../i18n'
import { Act, Fold, Loading } from '../parts'
import { tokenIn, useRoute } from '../route'
import { LanguageChoice } from './LanguageChoice'
import { Aborted, enterByPasskey, passkeysWork } from './passkey'

type Enter = (session: Session) => void

/** Alone frames what is shown to who is not signed in. */
function Alone(props: { title: string; children: ReactNode }) {
  return (
    <main className="alone sign-in">
      <div className="sign-in-head">
        <p className="wordmark">Parley</p>
        <LanguageChoice />
      </div>
      <h1>{props.title}</h1>
      {props.children}
    </main>
  )
}

function Fault(props: { error: Error | null; spent?: MessageId }) {
  const say = useSay()
  const { error } = props
  if (!error) return null
  const status = error instanceof Problem ? error.status : -1
  const advice: MessageId | '' =
    error instanceof Aborted ? 'sign-in.aborted' : status === 0 ? 'problem.unreachable' : status === 401 && props.spent ? props.spent : status >= 400 ? '' : 'problem.other'
  return (
    <div className="problem" role="alert">
      <div>
        {advice && <p>{say(advice)}</p>}
        {advice !== props.spent && error instanceof Problem && error.detail && <p dir="auto">{error.detail}</p>}
      </div>
    </div>
  )
}

/** SignIn lets somebody in by what they have: a one-time link, a passkey, a
 * password with its code, or an identity provider. */
export function SignIn(props: { token: string; onEnter: Enter }) {
  const say = useSay()
  const begun = useRef(false)
  const { query } = useRoute()
  const open = useQuery(ways)
  const redeem = useMutation({
    mutationFn: (token: string) => call<Session>('POST', '/session', { body: { token } }),
    onSuccess: props.onEnter,
  })
  const { mutate } = redeem
  // A token that is about to be redeemed must not show the form for a moment.
  const busy = redeem.isPending || (props.token !== '' && redeem.isIdle)

  useEffect(() => {
    document.title = 'Parley'
    // A token works once; a second render must not spend it.
    if (!props.token || begun.current) return
    begun.current = true
    mutate(props.token)
  }, [props.token, mutate])

  const have = open.data
  return (
    <Alone title={say('sign-in.title')}>
      {busy || (open.isPending && !open.error) ? (
        <Loading />
      ) : (
        <>
          {have?.locked && <p role="status">{say('sign-in.locked', { name: have.locked })}</p>}
          {query['sign-in'] === 'refused' && !have?.locked && (
            <div className="problem" role="alert"><p>{say('sign-in.refused')}</p></div>
          )}
          <Fault error={redeem.error ?? open.error} spent="sign-in.spent" />
          {have && <Others ways={have} onEnter={props.onEnter} />}
          <Paste onToken={mutate} closed={!!have && (have.password || have.locked !== '')} failed={redeem.error !== null} />
        </>
      )}
    </Alone>
  )
}

/** Others are the ways in besides a one-time link. */
function Others({ ways: have, onEnter }: { ways: Ways; onEnter: Enter }) {
  const say = useSay()
  const passkey = useMutation({ mutationFn: enterByPasskey, onSuccess: onEnter })
  return (
    <>
      <Fault error={passkey.error} />
      {passkeysWork(have.passkey) ? (
        <Act kind="main" icon="lock" onPress={() => passkey.mutate()} isDisabled={passkey.isPending}>{say('sign-in.passkey')}</Act>
      ) : (
        have.passkey && have.passkey !== location.origin && (
          <p className="quiet">{say('sign-in.passkey-there')} <a href={have.passkey} dir="ltr">{have.passkey}</a></p>
        )
      )}
      {have.oidc && <p><a className="act act-plain" href="/api/v1/session/oidc">{say('sign-in.by', { name: have.oidc })}</a></p>}
      {have.password && <Password name={have.locked} onEnter={onEnter} />}
    </>
  )
}

function Password(props: { name: string; onEnter: Enter }) {
  const say = useSay()
  const [name, setName] = useState(props.name)
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const enter = useMutation({
    mutationFn: () => call<Session>('POST', '/session/password', { body: { name: name.trim(), password, code } }),
    onSuccess: props.onEnter,
    onError: () => setCode(''),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    enter.mutate()
  }
  return (
    <form onSubmit={submit} className="sign-in-form" aria-label={say('sign-in.by-password')}>
      <h2>{say('sign-in.by-password')}</h2>
      <Fault error={enter.error} />
      <label htmlFor="name">{say('sign-in.name')}</label>
      <input id="name" dir="auto" autoComplete="username" required value={name} onChange={(e) => setName(e.target.value)} />
      <label htmlFor="password">{say('sign-in.password')}</label>
      <input id="password" type="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
      <label htmlFor="code">{say('sign-in.code')}</label>
      <input id="code" dir="ltr" inputMode="numeric" autoComplete="one-time-code" required maxLength={7} value={code} onChange={(e) => setCode(e.target.value)} />
      <Act kind="main" type="submit" isDisabled={enter.isPending}>{say('sign-in.go')}</Act>
    </form>
  )
}

/** Paste takes a one-time link that was sent as text. */
function Paste(props: { onToken: (token: string) => void; closed: boolean; failed: boolean }) {
  const say = useSay()
  const [pasted, setPasted] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const token = tokenIn(pasted) || pasted.trim()
    if (token) props.onToken(token)
  }
  const form = (
    <>
      <p>{say('sign-in.how')}</p>
      <form onSubmit={submit} className="sign-in-form">
        <label htmlFor="link">{say('sign-in.link')}</label>
        <input id="link" dir="ltr" autoComplete="off" spellCheck={false} value={pasted} onChange={(event) => setPasted(event.target.value)} placeholder="https://…/#token=…" />
        <Act kind="main" type="submit">{say('sign-in.go')}</Act>
      </form>
      <p className="quiet">{say('sign-in.note')}</p>
    </>
  )
  return props.closed ? <Fold title={say('sign-in.by-link')} level={2} open={props.failed}>{form}</Fold> : form
}

/** SetUp asks the first operator of a new node who they are. */
export function SetUp(props: { token: string; onEnter: Enter }) {
  const say = useSay()
  const [name, setName] = useState('')
  const begin = useMutation({
    mutationFn: () => call<Session>('POST', '/session/setup', { body: { token: props.token, name: name.trim() } }),
    onSuccess: (session) => {
      location.hash = '#/me'
      props.onEnter(session)
    },
  })
  useEffect(() => {
    document.title = 'Parley'
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    begin.mutate()
  }
  return (
    <Alone title={say('setup.title')}>
      <Fault error={begin.error} />
      <p>{say('setup.how')}</p>
      <form onSubmit={submit} className="sign-in-form">
        <label htmlFor="name">{say('sign-in.name')}</label>
        <input id="name" dir="auto" autoComplete="name" required maxLength={60} value={name} onChange={(event) => setName(event.target.value)} />
        <Act kind="main" type="submit" isDisabled={begin.isPending}>{say('setup.go')}</Act>
      </form>
    </Alone>
  )
}
