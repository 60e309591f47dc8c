import '../style/accords.css'
import { useQuery } from '@tanstack/react-query'
import { accords, session } from '../api/queries'
import { useSay } from '../i18n'
import { Asked, Empty, State, Text } from '../parts'
import { formatRoute, useRoute } from '../route'
import { AccordView } from './AccordView'
import { Drafts } from './Drafts'
import { Invitation } from './Invitation'

export default function Accords() {
  const say = useSay()
  const { id } = useRoute()
  const asked = useQuery(accords)
  const me = useQuery(session).data
  const decides = ['officer', 'approver', 'operator'].includes(me?.user.role ?? '')
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.accords')}</h1>
      </header>
      <Asked of={asked}>
        {(data) => {
          const all = data.accords ?? []
          const open = all.find((a) => a.id === id) ?? all[0]
          if (!open) return <Empty title={say('accords.none')}>{say('accords.none-note')}</Empty>
          return (
            <>
              {all.length > 1 && (
                <nav className="accord-nav" aria-label={say('nav.accords')}>
                  {all.map((one) => (
                    <a
                      key={one.id}
                      href={formatRoute({ page: 'accords', id: one.id })}
                      aria-current={one === open ? 'true' : undefined}
                    >
                      <Text>{one.title}</Text> <State state={one.state} />
                    </a>
                  ))}
                </nav>
              )}
              <AccordView key={open.id} accord={open} decides={decides} />
            </>
          )
        }}
      </Asked>
      {decides && me?.party.role === 'member' && (
        <>
          <Drafts accord={asked.data?.accords?.find((a) => a.id === id) ?? asked.data?.accords?.[0]} self={me.party.id} />
          <Invitation canAdd={me.user.role === 'operator'} />
        </>
      )}
    </div>
  )
}
