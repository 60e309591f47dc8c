// Pairing: our card goes out as a file or a QR code, a partner's comes in.
import { useEffect, useState, type FormEvent } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { ownCard } from '../api/queries'
import type { Card } from '../api/types'
import { useSay } from '../i18n'
import { Act, Asked, Panel, ProblemNote } from '../parts'
import { Icon } from '../parts/Icon'

export function Invitation(props: { canAdd: boolean }) {
  const say = useSay()
  return (
    <Panel id="invite" title={say('invite.title')} note={say('invite.note')}>
      <Asked of={useQuery(ownCard)}>{(card) => <Own card={card} />}</Asked>
      {props.canAdd && <Take />}
    </Panel>
  )
}

function Own({ card }: { card: Card }) {
  const say = useSay()
  const [shown, setShown] = useState(false)
  const [address, setAddress] = useState('')
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([card.note], { type: 'text/plain' }))
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [card.note])
  return (
    <div className="inset">
      <code className="fingerprint" dir="ltr">{card.fingerprint}</code>
      <p className="acts">
        <a className="receipt" href={address} download={`${card.party}.card.txt`}><Icon name="download" size={16} /> {say('invite.file')}</a>
        {!shown && <Act onPress={() => setShown(true)}>{say('invite.show')}</Act>}
      </p>
      {shown && <img className="qr" src="/api/v1/card/code" alt={say('invite.code')} />}
    </div>
  )
}

function Take() {
  const say = useSay()
  const queries = useQueryClient()
  const [note, setNote] = useState('')
  const [fingerprint, setFingerprint] = useState('')
  const add = useMutation({
    mutationFn: () => call<Card>('POST', '/cards', { body: { note, fingerprint: fingerprint.trim() } }),
    onSuccess: async () => {
      setNote('')
      setFingerprint('')
      await queries.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  const read = async (file: File | undefined) => file && setNote(await file.slice(0, 1 << 20).text())
  return (
    <form className="inset" onSubmit={submit} aria-labelledby="take">
      <h3 id="take">{say('invite.take')}</h3>
      {add.error && <ProblemNote error={add.error} />}
      {add.data && <p role="status">{say('invite.added', { name: add.data.name })}</p>}
      <label><span className="label">{say('invite.card')}</span> <input type="file" onChange={(event) => void read(event.target.files?.[0])} /></label>
      <label className="field"><span className="label">{say('invite.card')}</span><textarea rows={3} dir="ltr" required value={note} onChange={(event) => setNote(event.target.value)} /></label>
      <label className="field"><span className="label">{say('invite.fingerprint')}</span><input dir="ltr" required value={fingerprint} onChange={(event) => setFingerprint(event.target.value)} /></label>
      <p><Act type="submit" isDisabled={add.isPending}>{say('invite.add')}</Act></p>
    </form>
  )
}
