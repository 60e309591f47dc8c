import { useQuery } from '@tanstack/react-query'
import { session } from '../api/queries'
import { worked } from '../i18n/work'
import { useSay } from '../i18n'
import { Compose } from './Compose'
import { Sent } from './Sent'
import { Waiting } from './Waiting'

export default worked(ReleasePage)

/** ReleasePage follows what leaves: chosen, decided, approved, sent, received. */
function ReleasePage() {
  const say = useSay()
  const role = useQuery(session).data?.user.role ?? ''
  const releases = role === 'officer' || role === 'approver'
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.release')}</h1>
        <p className="holdings">{say('release.lead')}</p>
      </header>
      <Waiting sees={releases} approves={role === 'approver' || role === 'operator'} />
      {releases && <Compose />}
      <Sent acts={releases} />
    </div>
  )
}
