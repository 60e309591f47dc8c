import type { ReactNode } from 'react'
import { Dialog } from 'react-aria-components/Dialog'
import { Heading } from 'react-aria-components/Heading'
import { Modal, ModalOverlay } from 'react-aria-components/Modal'
import { useSay } from '../i18n'
import { Act, ProblemNote } from '.'

/** Confirm asks before something that others will see. It stays open with the
 * reason when the node refuses. */
export function Confirm(props: {
  title: string
  act: string
  kind?: 'main' | 'grave'
  ready: boolean
  busy: boolean
  error: unknown
  wide?: boolean
  onAct: () => void
  onClose: () => void
  children: ReactNode
}) {
  const say = useSay()
  return (
    <ModalOverlay className="veil" isOpen isDismissable={!props.busy} onOpenChange={(open) => !open && props.onClose()}>
      <Modal className={props.wide ? 'modal modal-wide' : 'modal'}>
        <Dialog className="dialog">
          <Heading slot="title" level={2}>
            {props.title}
          </Heading>
          {props.children}
          {props.error != null && <ProblemNote error={props.error} />}
          <div className="dialog-acts">
            <Act onPress={props.onClose} isDisabled={props.busy}>{say('cancel')}</Act>
            <Act kind={props.kind ?? 'main'} onPress={props.onAct} isDisabled={!props.ready || props.busy}>
              {props.busy ? say('working') : props.act}
            </Act>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
