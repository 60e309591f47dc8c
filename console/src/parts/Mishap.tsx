import { Component, type ReactNode } from 'react'
import { useSay } from '../i18n'
import { Act } from '.'
import { Icon } from './Icon'

/** Mishap keeps a page that cannot be drawn from taking the console with it:
 * most often a piece of the program that a dropped line kept from arriving. */
export class Mishap extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError() {
    return { failed: true }
  }

  override render() {
    return this.state.failed ? <Reload /> : this.props.children
  }
}

function Reload() {
  const say = useSay()
  return (
    <div className="problem" role="alert">
      <Icon name="warn" />
      <div>
        <p>{say('problem.page')}</p>
      </div>
      <Act onPress={() => location.reload()}>{say('reload')}</Act>
    </div>
  )
}
