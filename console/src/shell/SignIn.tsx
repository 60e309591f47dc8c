import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { call, Problem } from '../api/client'
import type { Session } from '../api/types'
import { useSay } from '../i18n'
import { Act, Loading } from '../parts'
import { tokenIn } from '../route'
import { LanguageChoice } from './LanguageChoice'

/** SignIn redeems a one-time link, or says how to come by one. */
export function SignIn(props: { token: string; onEnter: (session: Session) => void }) {
  const say = useSay()
  const [pasted, setPasted] = useState('')
  const begun = useRef(false)
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

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const token = tokenIn(pasted) || pasted.trim()
    if (token) mutate(token)
  }
  const { error } = redeem
  const spent = error instanceof Problem && error.status === 401

  return (
    <main className="alone sign-in">
      <div className="sign-in-head">
        <p className="wordmark">Parley</p>
        <LanguageChoice />
      </div>
      <h1>{say('sign-in.title')}</h1>
      {busy ? (
        <Loading />
      ) : (
        <>
          {error && (
            <div className="problem" role="alert">
              <div>
                <p>{say(spent ? 'sign-in.spent' : error instanceof Problem && error.status === 0 ? 'problem.unreachable' : 'problem.other')}</p>
                {!spent && error instanceof Problem && error.detail && <p dir="auto">{error.detail}</p>}
              </div>
            </div>
          )}
          <p>{say('sign-in.how')}</p>
          <form onSubmit={submit} className="sign-in-form">
            <label htmlFor="link">{say('sign-in.link')}</label>
            <input
              id="link"
              dir="ltr"
              autoComplete="off"
              spellCheck={false}
              value={pasted}
              onChange={(event) => setPasted(event.target.value)}
              placeholder="https://…/#token=…"
            />
            <Act kind="main" type="submit">{say('sign-in.go')}</Act>
          </form>
          <p className="quiet">{say('sign-in.note')}</p>
        </>
      )}
    </main>
  )
}
