import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { accords } from '../api/queries'
import type { Question } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Choice, PartyName } from '../parts'
import { Confirm } from '../parts/Confirm'

/** RequestDialog asks the holder for what it has on a hit. With it the holder
 * learns the value, so it says so. */
export function RequestDialog(props: { of: Pick<Question, 'id' | 'accord' | 'to' | 'selector' | 'case'>; value: string; onClose: () => void }) {
  const say = useSay()
  const term = useTerm()
  const queries = useQueryClient()
  const { of, value } = props
  const purposes = useQuery(accords).data?.accords?.find((a) => a.id === of.accord)?.purposes ?? []
  const [chosen, setChosen] = useState('')
  const [text, setText] = useState('')
  const [days, setDays] = useState('7')
  const purpose = chosen || purposes[0] || ''
  const asking = useMutation({
    mutationFn: () =>
      call('POST', '/requests', {
        body: { accord: of.accord, to: of.to, case: of.case, purpose, question: of.id, selector: of.selector, value, text: text.trim(), days: Number(days) },
      }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  return (
    <Confirm title={say('request.title')} act={say('request.send')} ready={purpose !== ''} busy={asking.isPending} error={asking.error} onAct={() => asking.mutate()} onClose={props.onClose}>
      <p className="dialog-subject"><code dir="ltr">{value}</code></p>
      <p>{say('request.tells')} <PartyName id={of.to} name={of.to} /></p>
      <Choice label={say('release.purpose')} value={purpose} options={purposes.map((p) => [p, term('purpose', p)])} onChange={setChosen} />
      <Choice label={say('request.due')} value={days} options={['1', '3', '7', '14', '30'].map((d) => [d, say('request.days', { n: Number(d) })])} onChange={setDays} />
      <label className="field">
        <span className="label">{say('request.text')}</span>
        <textarea rows={3} value={text} dir="auto" maxLength={2000} onChange={(event) => setText(event.target.value)} />
      </label>
    </Confirm>
  )
}
