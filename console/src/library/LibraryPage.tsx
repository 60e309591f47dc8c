import '../style/inbox.css'
import '../style/library.css'
import { useEffect, useState } from 'react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { call, query as parameters } from '../api/client'
import type { Found, FoundObject } from '../api/types'
import { worked } from '../i18n/work'
import { useSay, useTerm } from '../i18n'
import { Act, Asked, Choice, Day, Empty, Marking, PartyName } from '../parts'
import { useSettled } from '../parts/useSettled'
import { amend, formatRoute, useRoute } from '../route'
import { ObjectView } from './ObjectView'

const types = ['incident', 'report', 'indicator', 'note', 'identity', 'location', 'malware', 'threat-actor', 'campaign', 'observed-data', 'relationship', 'sighting']
const markings = ['TLP:CLEAR', 'TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:RED']

export default worked(LibraryPage)

/** LibraryPage: all that the node holds, found as one types, in any script. */
function LibraryPage() {
  const say = useSay()
  const term = useTerm()
  const { id, query } = useRoute()
  const [text, setText] = useState(query.q ?? '')
  const sought = useSettled(text.trim())
  useEffect(() => amend({ q: sought }), [sought])
  const short = sought !== '' && [...sought].length < 3
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.library')}</h1>
        <p className="holdings">{say('library.lead')}</p>
      </header>
      <div className="filter" role="search">
        <label className="choice library-find">
          <span className="label">{say('library.find')}</span>
          <input type="search" value={text} dir="auto" placeholder={say('library.hint')} onChange={(event) => setText(event.target.value)} />
        </label>
        <Choice label={say('library.type')} value={query.type ?? ''} options={[['', say('library.any')], ...types.map((t) => [t, term('type', t)] as const)]} onChange={(type) => amend({ type })} />
        <Choice label={say('library.marking')} value={query.marking ?? ''} options={[['', say('library.any')], ...markings.map((m) => [m, m] as const)]} onChange={(marking) => amend({ marking })} />
        <Choice label={say('library.whose')} value={query.party ?? ''} options={[['', say('library.any')], ['own', say('library.own')]]} onChange={(party) => amend({ party })} />
      </div>
      <div className={id ? 'inbox inbox-open' : 'inbox'}>
        <section className="panel inbox-list" aria-labelledby="found">
          <header className="panel-head"><h2 id="found">{say('library.found')}</h2></header>
          {short ? (
            <Empty title={say('library.short')}>{say('library.short-note')}</Empty>
          ) : (
            <List search={{ q: sought, type: query.type ?? '', marking: query.marking ?? '', party: query.party ?? '' }} open={id} />
          )}
        </section>
        <section className="panel inbox-item" aria-label={say('library.object')}>
          {id ? <ObjectView key={id} id={id} /> : <Empty title={say('library.pick')}>{say('library.pick-note')}</Empty>}
        </section>
      </div>
    </div>
  )
}

function List(props: { search: Record<string, string>; open: string }) {
  const say = useSay()
  const asked = useInfiniteQuery({
    queryKey: ['library', props.search],
    queryFn: ({ signal, pageParam }) => call<Found>('GET', '/search' + parameters({ ...props.search, limit: 50, before: pageParam || undefined }), { signal }),
    initialPageParam: 0,
    getNextPageParam: (last) => (last.more ? last.next : undefined),
  })
  return (
    <Asked of={asked}>
      {(data) => {
        const all = data.pages.flatMap((page) => page.objects)
        if (!all.length) return <Empty title={say('library.none')}>{say('library.none-note')}</Empty>
        return (
          <>
            <ul className="items">
              {all.map((one) => <li key={one.id + one.version}><Row of={one} open={one.id === props.open} /></li>)}
            </ul>
            {data.pages.at(-1)!.unfiled && <p className="more quiet">{say('library.unfiled')}</p>}
            {asked.hasNextPage && (
              <p className="more"><Act isDisabled={asked.isFetchingNextPage} onPress={() => void asked.fetchNextPage()}>{say('library.more')}</Act></p>
            )}
          </>
        )
      }}
    </Asked>
  )
}

function Row(props: { of: FoundObject; open: boolean }) {
  const say = useSay()
  const term = useTerm()
  const { query } = useRoute()
  const { of } = props
  return (
    <a href={formatRoute({ page: 'library', id: of.id, query })} aria-current={props.open ? 'true' : undefined} className="item">
      <span className="item-title"><bdi>{of.title}</bdi></span>
      <span className="item-line">
        {of.from ? <PartyName id={of.from} name={of.from} /> : <span>{say('own')}</span>}
        <span className="quiet">{term('type', of.type)}</span>
        <Marking label={of.marking} />
        <span className="item-when"><Day at={(of.version || of.added).slice(0, 10)} /></span>
      </span>
    </a>
  )
}
