// How the person signs in, and where they are signed in now.
import { useState, type FormEvent } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { me, mySessions } from '../api/queries'
import type { Me as Person } from '../api/types'
import { useSay } from '../i18n'
import { Act, Asked, Empty, Moment, Panel, ProblemNote } from '../parts'
import { addPasskey, passkeysWork, Aborted } from '../shell/passkey'
import { Password } from './Password'
import { Sessions } from './Sessions'

export default function Me() {
  const say = useSay()
  const asked = useQuery(me)
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.me')}</h1>
        <p className="quiet">{say('me.lead')}</p>
      </header>
      <Asked of={asked}>
        {(person) => (
          <>
            {!person.password && person.passkeys.length === 0 && !person.account && <p className="callout" role="status">{say('me.first')}</p>}
            <Passkeys person={person} />
            <Password set={person.password} />
            {person.account && <p>{say('me.account', { account: person.account })}</p>}
          </>
        )}
      </Asked>
      <Panel id="my-sessions" title={say('sessions.title')}>
        <Asked of={useQuery(mySessions)}>{({ sessions }) => <Sessions sessions={sessions} path="/me/sessions" />}</Asked>
      </Panel>
    </div>
  )
}

function Passkeys({ person }: { person: Person }) {
  const say = useSay()
  const store = useQueryClient()
  const [name, setName] = useState('')
  const keep = (next: Person) => store.setQueryData(me.queryKey, next)
  const add = useMutation({ mutationFn: () => addPasskey(name), onSuccess: (next) => { setName(''); keep(next) } })
  const remove = useMutation({ mutationFn: (id: string) => call<Person>('DELETE', `/me/passkeys/${id}`), onSuccess: keep })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <Panel id="passkeys" title={say('me.passkeys')}>
      {add.error && (add.error instanceof Aborted ? <p className="problem" role="alert">{say('sign-in.aborted')}</p> : <ProblemNote error={add.error} />)}
      {remove.error && <ProblemNote error={remove.error} />}
      {person.passkeys.length === 0 && <Empty title={say('me.passkeys-none')}>{say('me.passkeys-note')}</Empty>}
      <ul className="rows">
        {person.passkeys.map((key) => (
          <li key={key.id}>
            <strong><bdi>{key.name}</bdi></strong>
            <span>{say('me.added')} <Moment at={key.added} /></span>
            <span>{say('me.used')} <Moment at={key.used} absent="never" /></span>
            <Act onPress={() => remove.mutate(key.id)}>{say('me.remove')}</Act>
          </li>
        ))}
      </ul>
      {passkeysWork(person.origin) ? (
        <form className="line-form" onSubmit={submit}>
          <label>
            <span className="label">{say('me.passkey-name')}</span>
            <input dir="auto" maxLength={60} value={name} onChange={(event) => setName(event.target.value)} />
          </label>
          <Act kind="main" type="submit" isDisabled={add.isPending}>{say('me.passkey-add')}</Act>
        </form>
      ) : (
        person.origin && <p className="inset quiet">{say('sign-in.passkey-there')} <a href={person.origin} dir="ltr">{person.origin}</a></p>
      )}
    </Panel>
  )
}
