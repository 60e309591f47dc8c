// How the node is run, for its operator.
import { useSay } from '../i18n'
import { Feeds } from './Feeds'
import { Backups, Health } from './Health'
import { Keys } from './Keys'
import { AllSessions, People } from './People'
import { Policy } from './Policy'

export default function Admin() {
  const say = useSay()
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.admin')}</h1>
        <p className="quiet">{say('admin.lead')}</p>
      </header>
      <Health />
      <People />
      <AllSessions />
      <Keys />
      <Backups />
      <Feeds />
      <Policy />
    </div>
  )
}
