import { useState, type FormEvent } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { me } from '../api/queries'
import type { Me } from '../api/types'
import { useSay } from '../i18n'
import { Act, Panel, ProblemNote } from '../parts'

type Enrolment = { secret: string; uri: string; qr: string }

/** Password sets a password together with its code generator, or removes both. */
export function Password(props: { set: boolean }) {
  const say = useSay()
  const store = useQueryClient()
  const keep = (next: Me) => store.setQueryData(me.queryKey, next)
  const begin = useMutation({ mutationFn: () => call<Enrolment>('POST', '/me/password/begin') })
  const remove = useMutation({ mutationFn: () => call<Me>('DELETE', '/me/password'), onSuccess: keep })
  return (
    <Panel id="password-panel" title={say('me.password')}>
      {remove.error && <ProblemNote error={remove.error} />}
      <div className="inset">
        {begin.data ? (
          <Enrol {...begin.data} done={(next) => { begin.reset(); keep(next) }} />
        ) : (
          <>
            <p>{say(props.set ? 'me.password-is' : 'me.password-none')}</p>
            {begin.error && <ProblemNote error={begin.error} />}
            <p className="acts">
              <Act onPress={() => begin.mutate()} isDisabled={begin.isPending}>{say('me.password-set')}</Act>
              {props.set && <Act onPress={() => remove.mutate()}>{say('me.remove')}</Act>}
            </p>
          </>
        )}
      </div>
    </Panel>
  )
}

function Enrol(props: Enrolment & { done: (next: Me) => void }) {
  const say = useSay()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const set = useMutation({ mutationFn: () => call<Me>('POST', '/me/password', { body: { password, code } }), onSuccess: props.done })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    set.mutate()
  }
  return (
    <>
      <p>{say('me.password-how')}</p>
      <img className="qr" src={props.qr} alt={say('me.qr')} width={240} height={240} />
      <p>{say('me.secret')}: <code dir="ltr">{props.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code></p>
      {set.error && <ProblemNote error={set.error} />}
      <form className="sign-in-form" onSubmit={submit}>
        <label htmlFor="new-password">{say('sign-in.password')}</label>
        <input id="new-password" type="password" autoComplete="new-password" minLength={12} required value={password} onChange={(event) => setPassword(event.target.value)} />
        <label htmlFor="new-code">{say('sign-in.code')}</label>
        <input id="new-code" dir="ltr" inputMode="numeric" autoComplete="one-time-code" maxLength={7} required value={code} onChange={(event) => setCode(event.target.value)} />
        <Act kind="main" type="submit" isDisabled={set.isPending}>{say('me.password-set')}</Act>
      </form>
    </>
  )
}
