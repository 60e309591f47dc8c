import { useState } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords } from '../api/queries'
import { useSay } from '../i18n'
import { Act, Choice, Panel, ProblemNote } from '../parts'

/** Desk sets whom a partner is told to call when plans collide. */
export function Desk() {
  const say = useSay()
  const known = (useQuery(accords).data?.accords ?? []).filter((a) => a.state === 'in force' && a.members.some((m) => m.me))
  const [accord, setAccord] = useState('')
  const [contact, setContact] = useState('')
  const chosen = accord || known[0]?.id || ''
  const setting = useMutation({ mutationFn: () => call('POST', '/deconflict/desk', { body: { accord: chosen, contact: contact.trim() } }), onSuccess: () => setContact('') })
  if (!known.length) return null
  return (
    <Panel id="desk" title={say('desk.title')} note={say('desk.note')}>
      <form
        className="desk-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (contact.trim()) setting.mutate()
        }}
      >
        <Choice label={say('ledger.accord')} value={chosen} options={known.map((a) => [a.id, a.title])} onChange={setAccord} />
        <label className="choice">
          <span className="label">{say('desk.contact')}</span>
          <input value={contact} dir="auto" maxLength={200} onChange={(event) => setContact(event.target.value)} />
        </label>
        <Act type="submit" isDisabled={!contact.trim() || setting.isPending}>{say('desk.save')}</Act>
        <p role="status">{setting.isSuccess && say('desk.saved')}</p>
      </form>
      {setting.error != null && <ProblemNote error={setting.error} />}
    </Panel>
  )
}
