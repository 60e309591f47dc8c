import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Label } from 'react-aria-components/Label'
import { TextArea } from 'react-aria-components/TextArea'
import { TextField } from 'react-aria-components/TextField'
import { call } from '../api/client'
import type { Accord } from '../api/types'
import { useSay } from '../i18n'
import { Confirm } from '../parts/Confirm'
import { useDraft } from '../parts/draft'

type Props = { accord: Accord; onClose: () => void }

const act = (accord: Accord, verb: 'suspend' | 'resume', body: unknown) =>
  call<Accord>('POST', `/accords/${encodeURIComponent(accord.id)}/${verb}`, { body })

/** SuspendDialog stops the exchange at once; the reason goes into the ledger. */
export function SuspendDialog({ accord, onClose }: Props) {
  const say = useSay()
  const queries = useQueryClient()
  const [reason, setReason, sent] = useDraft(`suspend.${accord.id}`)
  const suspend = useMutation({
    mutationFn: () => act(accord, 'suspend', { reason: reason.trim() }),
    onSuccess: async () => {
      sent()
      await queries.invalidateQueries()
      onClose()
    },
  })
  return (
    <Confirm
      title={say('suspend.title')}
      act={say('suspend.act')}
      kind="grave"
      ready={reason.trim() !== ''}
      busy={suspend.isPending}
      error={suspend.error}
      onAct={() => suspend.mutate()}
      onClose={onClose}
    >
      <p>{say('suspend.note')}</p>
      <TextField value={reason} onChange={setReason} isRequired autoFocus className="field">
        <Label>{say('suspend.reason')}</Label>
        <TextArea rows={3} dir="auto" />
      </TextField>
    </Confirm>
  )
}

/** ResumeDialog takes the exchange up again; what waited is sent. */
export function ResumeDialog({ accord, onClose }: Props) {
  const say = useSay()
  const queries = useQueryClient()
  const resume = useMutation({
    mutationFn: () => act(accord, 'resume', {}),
    onSuccess: async () => {
      await queries.invalidateQueries()
      onClose()
    },
  })
  return (
    <Confirm
      title={say('resume.title')}
      act={say('resume')}
      ready
      busy={resume.isPending}
      error={resume.error}
      onAct={() => resume.mutate()}
      onClose={onClose}
    >
      <p>{say('resume.note')}</p>
    </Confirm>
  )
}
