import '../style/inbox.css'
import { useQuery } from '@tanstack/react-query'
import { inbox, requests } from '../api/queries'
import type { Item } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Asked, Empty, Grading, Marking, Moment, PartyName, State } from '../parts'
import { formatRoute, useRoute } from '../route'
import { ItemView } from './ItemView'
import { Requests } from './Requests'

export default function Inbox() {
  const say = useSay()
  const { id } = useRoute()
  const items = useQuery(inbox)
  const asked = useQuery(requests)
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.inbox')}</h1>
        <p className="holdings">
          {items.data && <span>{say('inbox.count', { n: items.data.items?.length ?? 0 })}</span>}
        </p>
      </header>
      <Asked of={asked}>{(data) => <Requests requests={data.requests ?? []} />}</Asked>
      <div className={id ? 'inbox inbox-open' : 'inbox'}>
        <section className="panel inbox-list" aria-labelledby="received">
          <header className="panel-head">
            <h2 id="received">{say('inbox.received')}</h2>
          </header>
          <Asked of={items}>
            {(data) =>
              data.items?.length ? (
                <List items={data.items} open={id} />
              ) : (
                <Empty title={say('inbox.none')}>{say('inbox.none-note')}</Empty>
              )
            }
          </Asked>
        </section>
        <section className="panel inbox-item" aria-label={say('inbox.item')}>
          {id ? (
            <ItemView key={id} id={id} />
          ) : (
            <Empty title={say('inbox.pick')}>{say('inbox.pick-note')}</Empty>
          )}
        </section>
      </div>
    </div>
  )
}

function List(props: { items: Item[]; open: string }) {
  const term = useTerm()
  const { query } = useRoute()
  return (
    <ul className="items">
      {props.items.map((item) => (
        <li key={item.id}>
          <a
            href={formatRoute({ page: 'inbox', id: item.id, query })}
            aria-current={item.id === props.open ? 'true' : undefined}
            className={item.state === 'new' ? 'item item-new' : 'item'}
          >
            <span className="item-line">
              <PartyName id={item.from} name={item.from_name} />
              {(item.state === 'new' || item.state === 'sealed') && <State state={item.state} />}
              <span className="item-when">
                <Moment at={item.at} />
              </span>
            </span>
            <span className="item-title"><bdi>{item.title || item.id}</bdi></span>
            <span className="item-line">
              <Marking label={item.marking} />
              <Grading grade={item.grading} />
              <span className="quiet">{term('kind', item.kind)}</span>
              <span className="quiet"><bdi>{item.accord_title}</bdi></span>
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}
