import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Label } from 'react-aria-components/Label'
import { Radio, RadioGroup } from 'react-aria-components/RadioGroup'
import { call } from '../api/client'
import { accords } from '../api/queries'
import type { Release, Request } from '../api/types'
import { useSay } from '../i18n'
import { Empty, Loading, ProblemNote, Text } from '../parts'
import { Confirm } from '../parts/Confirm'
import { GateView } from '../release/GateView'

/** AnswerDialog answers a partner's request. Before anything is released it asks
 * the gate without effect, and shows what would leave and why. */
export function AnswerDialog(props: {
  request: Request
  decision: 'release' | 'decline'
  onClose: () => void
}) {
  const { request, decision } = props
  const say = useSay()
  const queries = useQueryClient()
  const objects = request.objects ?? []
  const [object, setObject] = useState(objects.length === 1 ? objects[0]!.id : '')
  const releasing = decision === 'release'
  const answer = useMutation({
    mutationFn: () =>
      call<Request>('POST', `/requests/${encodeURIComponent(request.id)}/answer`, {
        body: releasing ? { decision, object } : { decision },
      }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      props.onClose()
    },
  })
  return (
    <Confirm
      title={say(releasing ? 'answer.release-title' : 'answer.decline-title')}
      act={say(releasing ? 'answer.release' : 'answer.decline')}
      ready={!releasing || object !== ''}
      busy={answer.isPending}
      error={answer.error}
      wide={releasing}
      onAct={() => answer.mutate()}
      onClose={props.onClose}
    >
      <p className="dialog-subject" dir="auto">{request.subject}</p>
      {releasing ? (
        <>
          <p>{say('answer.release-note')}</p>
          {objects.length ? (
            <RadioGroup value={object} onChange={setObject} className="radios">
              <Label>{say('answer.object')}</Label>
              {objects.map((one) => (
                <Radio key={one.id} value={one.id} className="radio">
                  <Text>{one.title || one.id}</Text>
                </Radio>
              ))}
            </RadioGroup>
          ) : (
            <Empty title={say('answer.no-object')}>{say('answer.no-object-note')}</Empty>
          )}
          {object && <Preview request={request} object={object} />}
        </>
      ) : (
        <p>{say('answer.decline-note')}</p>
      )}
    </Confirm>
  )
}

function Preview(props: { request: Request; object: string }) {
  const { request, object } = props
  const agreements = useQuery(accords)
  const purpose = agreements.data?.accords?.find((a) => a.id === request.accord)?.purposes?.[0] ?? ''
  const asked = useQuery({
    queryKey: ['dry-run', request.accord, request.from, object, purpose],
    queryFn: ({ signal }) =>
      call<Release>('POST', '/release', {
        body: { object, accord: request.accord, to: [request.from], purpose, dry_run: true },
        signal,
      }),
    enabled: agreements.isSuccess,
    gcTime: 0,
    staleTime: 0,
  })
  const error = asked.error ?? agreements.error
  if (error) return <ProblemNote error={error} again={() => void asked.refetch()} />
  if (!asked.data) return <Loading />
  return <GateView of={asked.data} />
}
