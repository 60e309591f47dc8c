// Shows how a receipt is checked, step by step.
import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { fetchFile, receiptAddress } from '../api/client'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Panel } from '../parts'
import { Icon } from '../parts/Icon'
import { check, type Entry, type Verdict } from './receipt'

/** Proof checks the node's receipt of an entry, which is fetched once. */
export function Proof(props: { entry: Entry; title: string; onClose: () => void }) {
  const say = useSay()
  const { log, index } = props.entry
  const asked = useQuery({
    queryKey: ['proof', log, index],
    queryFn: async ({ signal }) => check(await fetchFile(receiptAddress(log, index), signal), { log, index }),
    staleTime: Infinity,
  })
  return (
    <Panel id="proof" title={props.title} className="proof-panel" tools={<Act icon="close" onPress={props.onClose}>{say('close')}</Act>}>
      <Asked of={asked}>{(verdict) => <Steps verdict={verdict} />}</Asked>
    </Panel>
  )
}

function Steps(props: { verdict: Verdict }) {
  const say = useSay()
  const term = useTerm()
  const { ok, steps, event } = props.verdict
  return (
    <div className="inset">
      <p role="status" className={ok ? 'verdict good' : 'verdict bad'}>
        <Icon name={ok ? 'check' : 'warn'} /> {say(ok ? 'ledger.verify-yes' : 'ledger.verify-no')}
      </p>
      {event && <p><bdi>{event.party}</bdi>: {term('event', event.kind)}, <bdi dir="ltr">{event.at}</bdi></p>}
      <ol className="steps">
        {steps.map((step) => (
          <li key={step.name}>
            <Icon name={step.ok ? 'check' : 'close'} size={16} />
            <span>
              {term('step', step.name)} <span className="unseen">{say(step.ok ? 'yes' : 'no')}</span>
              <bdi className="quiet step-detail" dir="auto">{step.detail}</bdi>
            </span>
          </li>
        ))}
      </ol>
      <p className="quiet">{say('ledger.verify-lead')}</p>
      <p className="quiet">{say('ledger.verify-rest')}</p>
    </div>
  )
}

/** FileProof checks a receipt from this machine; it is not sent anywhere. */
export function FileProof() {
  const say = useSay()
  const [verdict, setVerdict] = useState<Verdict | null>(null)
  const read = async (file: File | undefined) => {
    if (file) setVerdict(await check(new Uint8Array(await file.slice(0, 4 << 20).arrayBuffer())))
  }
  return (
    <Panel id="file-proof" title={say('ledger.verify-file')}>
      <div className="inset">
        <label>
          <span className="label">{say('ledger.receipt')}</span>{' '}
          <input type="file" onChange={(event) => void read(event.target.files?.[0])} />
        </label>
      </div>
      {verdict && <Steps verdict={verdict} />}
    </Panel>
  )
}
