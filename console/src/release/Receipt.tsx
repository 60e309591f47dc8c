import { receiptAddress } from '../api/client'
import type { EventRef } from '../api/types'
import { Icon } from '../parts/Icon'

/** Receipt downloads the proof of a ledger entry. */
export const Receipt = (props: { event: EventRef; label: string }) => (
  <a className="act act-plain receipt" href={receiptAddress(props.event.log, props.event.index)} download>
    <Icon name="download" size={16} /> {props.label}
  </a>
)
