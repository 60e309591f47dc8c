import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { inbox, objectOf, relationships, session, versions } from '../api/queries'
import { useSay, useTerm } from '../i18n'
import { Stix } from '../inbox/Stix'
import { Act, Asked, Day, Empty, Fold, Grading, Loading, Marking, Moment, PartyName } from '../parts'
import { Icon } from '../parts/Icon'
import { Toggle } from '../overview/Toggle'
import { formatRoute, useRoute } from '../route'
import { Sent } from '../release/Sent'
import { tiesOf } from './neighbours'

const Graph = lazy(() => import('./Graph'))
const step = 12

/** ObjectView: an object with where it came from, its versions, what it hangs
 * together with, and to whom it went. */
export function ObjectView(props: { id: string }) {
  const say = useSay()
  const term = useTerm()
  const { id } = props
  const object = useQuery(objectOf(id))
  const kept = useQuery(versions(id))
  const heading = useRef<HTMLHeadingElement>(null)
  const ready = object.isSuccess && kept.isSuccess
  useEffect(() => {
    if (ready) heading.current?.focus()
  }, [ready])
  return (
    <>
      <a className="inbox-back" href={formatRoute({ page: 'library' })}><Icon name="back" flip size={16} /> {say('library.back')}</a>
      <Asked of={object}>
        {(data) => (
          <Asked of={kept}>
            {({ versions: all }) => {
              const newest = all[0]!
              return (
                <article className="sheet">
                  <header className="sheet-head">
                    <p className="sheet-marks"><Marking label={newest.marking} /> <span className="quiet">{term('type', newest.type)}</span></p>
                    <h2 ref={heading} tabIndex={-1}><bdi>{newest.title}</bdi></h2>
                    <code dir="ltr" className="quiet">{id}</code>
                  </header>
                  <Origin id={id} from={newest.from} added={all.at(-1)!.added} />
                  <Stix object={data} />
                  <Ties id={id} object={data} />
                  <section className="sheet-part" aria-labelledby="versions">
                    <h3 id="versions">{say('library.versions', { n: all.length })}</h3>
                    <ol className="version-list">
                      {all.map((v) => (
                        <li key={v.version + v.added}>
                          <Moment at={v.version || v.added} /> <span className="quiet">{say('library.here-since')} <Moment at={v.added} /></span> <Marking label={v.marking} />
                        </li>
                      ))}
                    </ol>
                  </section>
                  <Fold title={say('item.raw')}>
                    <pre className="raw" dir="ltr" tabIndex={0}>{JSON.stringify(data, null, 2)}</pre>
                  </Fold>
                  {!newest.from && <OwnWays id={id} />}
                </article>
              )
            }}
          </Asked>
        )}
      </Asked>
    </>
  )
}

/** Where it came from, how it was graded, and the item that proves it. */
function Origin(props: { id: string; from: string; added: string }) {
  const say = useSay()
  const received = useQuery({ ...inbox, enabled: props.from !== '' })
  const item = received.data?.items?.find((i) => i.object_id === props.id && i.from === props.from)
  return (
    <section className="sheet-part" aria-labelledby="origin">
      <h3 id="origin">{say('library.origin')}</h3>
      <p>
        {props.from ? <PartyName id={props.from} name={props.from} /> : say('library.our-own')} · <Moment at={props.added} solar />
        {item && <> · <Grading grade={item.grading} full /></>}
      </p>
      {item && (
        <p>
          <a href={formatRoute({ page: 'inbox', id: item.id })}>{say('library.proof')}</a>
          {item.purpose && <> · {say('item.purpose')}: <bdi>{item.purpose}</bdi></>}
          {item.expires && <> · {say('item.expires')}: <Day at={item.expires} /></>}
        </p>
      )}
    </section>
  )
}

/** What can be done with our own: release it; and where it went before. */
function OwnWays(props: { id: string }) {
  const say = useSay()
  const role = useQuery(session).data?.user.role ?? ''
  const releases = role === 'officer' || role === 'approver'
  return (
    <>
      {releases && (
        <p><a className="act act-plain" href={formatRoute({ page: 'release', query: { objects: props.id } })}><Icon name="release" size={16} /> {say('library.release')}</a></p>
      )}
      <Sent acts={releases} object={props.id} />
    </>
  )
}

/** Ties: the objects round this one, as a picture and as a list. */
function Ties(props: { id: string; object: unknown }) {
  const say = useSay()
  const asked = useQuery(relationships(props.id))
  const { query } = useRoute()
  const [shown, setShown] = useState(step)
  return (
    <section className="sheet-part" aria-labelledby="ties">
      <header className="ties-head">
        <h3 id="ties">{say('ties.title')}</h3>
        <Toggle name="ties" label={say('ties.title')} />
      </header>
      <Asked of={asked}>
        {(data) => {
          const ties = tiesOf(props.id, props.object, data.relationships)
          if (!ties.length) return <Empty title={say('ties.none')}>{say('ties.none-note')}</Empty>
          return (
            <>
              <p className="quiet">{say('shown-of', { n: Math.min(shown, ties.length), all: ties.length })}</p>
              {query['ties-as'] !== 'table' && (
                <Suspense fallback={<Loading />}><Graph centre={props.id} ties={ties.slice(0, shown)} /></Suspense>
              )}
              <ul className="ties">
                {ties.slice(0, shown).map((t) => (
                  <li key={t.from + t.what + t.to}>
                    <span className="quiet"><bdi>{t.what.replaceAll('_', ' ')}</bdi> {t.from === props.id ? '→' : '←'}</span>{' '}
                    <a href={formatRoute({ page: 'library', id: t.other })}><Name of={t.other} fallback={t.title} /></a>
                  </li>
                ))}
              </ul>
              {shown < ties.length && <p><Act onPress={() => setShown(shown + step)}>{say('more', { n: Math.min(step, ties.length - shown) })}</Act></p>}
            </>
          )
        }}
      </Asked>
    </section>
  )
}

/** Name of an object that is held; else what is known of it. */
function Name(props: { of: string; fallback: string }) {
  const held = useQuery(versions(props.of))
  return <bdi>{held.data?.versions[0]?.title ?? props.fallback}</bdi>
}
