import { useState, type FormEvent } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { useSay, useTerm } from '../i18n'
import { Sessions } from '../me/Sessions'
import { Act, Asked, Panel, ProblemNote } from '../parts'
import { Confirm } from '../parts/Confirm'
import { people, sessions, type Person } from './queries'

const roles = ['officer', 'analyst', 'approver', 'operator', 'auditor'] as const

export function People() {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<string>('officer')
  const [account, setAccount] = useState('')
  const [leaving, setLeaving] = useState<string | null>(null)
  const fresh = () => queries.invalidateQueries({ queryKey: ['people'] })
  const add = useMutation({
    mutationFn: (body: { name: string; role: string; account?: string }) => call<Person>('POST', '/people', { body: { ...body, link: true } }),
    onSuccess: () => { setName(''); setAccount(''); return fresh() },
  })
  const remove = useMutation({
    mutationFn: (who: string) => call('DELETE', `/people/${encodeURIComponent(who)}`),
    onSuccess: () => { setLeaving(null); return fresh() },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate({ name: name.trim(), role, ...(account.trim() ? { account: account.trim() } : {}) })
  }
  return (
    <Panel id="people" title={say('people.title')}>
      <Asked of={useQuery(people)}>
        {(data) => (
          <ul className="rows">
            {data.people.map((one) => (
              <li key={one.name}>
                <strong><bdi>{one.name}</bdi></strong>
                <span>{term('role', one.role)}</span>
                <span className="quiet">{say('people.ways', { n: one.passkeys })}{one.password && <> · {say('me.password')}</>}{one.account && <> · <bdi>{one.account}</bdi></>}</span>
                <span className="acts end">
                  <Act onPress={() => add.mutate({ name: one.name, role: one.role })}>{say('people.new-link')}</Act>
                  <Act onPress={() => setLeaving(one.name)}>{say('me.remove')}</Act>
                </span>
              </li>
            ))}
          </ul>
        )}
      </Asked>
      {add.error && <ProblemNote error={add.error} />}
      {add.data?.link && (
        <div className="callout" role="status">
          <p>{say('people.link', { name: add.data.name })}</p>
          <code dir="ltr" className="link">{add.data.link}</code>
        </div>
      )}
      <form className="line-form" onSubmit={submit}>
        <label><span className="label">{say('sign-in.name')}</span><input dir="auto" required maxLength={60} value={name} onChange={(event) => setName(event.target.value)} /></label>
        <label><span className="label">{say('people.role')}</span>
          <select value={role} onChange={(event) => setRole(event.target.value)}>
            {roles.map((one) => <option key={one} value={one}>{term('role', one)}</option>)}
          </select>
        </label>
        <label><span className="label">{say('people.account')}</span><input dir="ltr" value={account} onChange={(event) => setAccount(event.target.value)} /></label>
        <Act kind="main" type="submit" isDisabled={add.isPending}>{say('people.add')}</Act>
      </form>
      {leaving && (
        <Confirm title={say('people.remove-title', { name: leaving })} act={say('me.remove')} kind="grave" ready busy={remove.isPending} error={remove.error} onAct={() => remove.mutate(leaving)} onClose={() => setLeaving(null)}>
          <p>{say('people.remove-note')}</p>
        </Confirm>
      )}
    </Panel>
  )
}

export function AllSessions() {
  const say = useSay()
  return (
    <Panel id="all-sessions" title={say('people.sessions')}>
      <Asked of={useQuery(sessions)}>{(data) => <Sessions sessions={data.sessions} path="/sessions" named />}</Asked>
    </Panel>
  )
}
