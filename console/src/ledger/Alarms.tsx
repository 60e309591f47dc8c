import { useQuery } from '@tanstack/react-query'
import { evidenceAddress } from '../api/client'
import { alarms } from '../api/queries'
import { useSay } from '../i18n'
import { Asked, Empty, Moment, Panel } from '../parts'
import { Icon } from '../parts/Icon'

/** Alarms are what partners did that an honest node cannot do. */
export function Alarms() {
  const say = useSay()
  return (
    <Panel id="alarms" title={say('alarms.title')}>
      <Asked of={useQuery(alarms)}>
        {({ alarms: all }) =>
          !all?.length ? (
            <Empty title={say('alarms.none')}>{say('alarms.none-note')}</Empty>
          ) : (
            <ul className="rows">
              {all.map((one) => (
                <li key={one.id}>
                  <Icon name="warn" />
                  <strong><bdi>{one.text}</bdi></strong>
                  <Moment at={one.at} />
                  {one.evidence ? (
                    <a className="receipt" href={evidenceAddress(one.id)} download><Icon name="download" size={16} /> {say('alarms.evidence')}</a>
                  ) : (
                    <span className="quiet">{say('alarms.no-evidence')}</span>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Asked>
    </Panel>
  )
}
