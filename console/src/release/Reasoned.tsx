import { useState, type ReactNode } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Label } from 'react-aria-components/Label'
import { TextArea } from 'react-aria-components/TextArea'
import { TextField } from 'react-aria-components/TextField'
import { call } from '../api/client'
import { Confirm } from '../parts/Confirm'

/** Reasoned asks for a reason before something grave is done, and does it. */
export function Reasoned(props: {
  title: string
  act: string
  label: string
  path: string
  body: (reason: string) => object
  onClose: () => void
  children: ReactNode
}) {
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const doing = useMutation({
    mutationFn: () => call('POST', props.path, { body: props.body(reason.trim()) }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  return (
    <Confirm
      title={props.title}
      act={props.act}
      kind="grave"
      ready={reason.trim() !== ''}
      busy={doing.isPending}
      error={doing.error}
      onAct={() => doing.mutate()}
      onClose={props.onClose}
    >
      {props.children}
      <TextField value={reason} onChange={setReason} autoFocus className="field">
        <Label>{props.label}</Label>
        <TextArea rows={2} dir="auto" />
      </TextField>
    </Confirm>
  )
}
