import { useEffect, useRef } from 'react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { receiptAddress } from '../api/client'
import { item as itemQuery } from '../api/queries'
import type { Item } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Asked, Day, Digest, Fold, Grading, Marking, Moment, PartyName, Text } from '../parts'
import { Icon } from '../parts/Icon'
import { formatRoute } from '../route'
import { Stix } from './Stix'

/** ItemView shows one thing that a partner released to us, and how far it can
 * be proved that they did. */
export function ItemView(props: { id: string }) {
  const say = useSay()
  const asked = useQuery(itemQuery(props.id))
  const queries = useQueryClient()
  const seen = asked.data?.id
  // The node marks an item as read when it is opened; the list should say so.
  useEffect(() => {
    if (seen) void queries.invalidateQueries({ queryKey: ['inbox'], exact: true })
  }, [seen, queries])
  return (
    <>
      <a className="inbox-back" href={formatRoute({ page: 'inbox' })}>
        <Icon name="back" flip size={16} /> {say('inbox.back')}
      </a>
      <Asked of={asked}>{(item) => <Shown item={item} />}</Asked>
    </>
  )
}

function Shown(props: { item: Item }) {
  const say = useSay()
  const term = useTerm()
  const { item } = props
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  const redactions = item.redactions ?? []
  return (
    <article className="sheet">
      <header className="sheet-head">
        <p className="sheet-marks">
          <Marking label={item.marking} />
          <Grading grade={item.grading} full />
        </p>
        <h2 ref={heading} tabIndex={-1}><bdi>{item.title || item.id}</bdi></h2>
        <p className="sheet-from">
          <PartyName id={item.from} name={item.from_name} /> · {term('kind', item.kind)} ·{' '}
          <Moment at={item.at} solar />
        </p>
      </header>

      {item.problem && (
        <p className="problem" role="alert">
          <Icon name="warn" /> <bdi>{item.problem}</bdi>
        </p>
      )}
      {item.state === 'sealed' && (
        <p className="problem">
          <Icon name="lock" /> {say('item.sealed')}
        </p>
      )}
      {(item.purpose || item.expires) && (
        <dl className="facts">
          {item.purpose && (
            <div>
              <dt>{say('item.purpose')}</dt>
              <dd><bdi>{term('purpose', item.purpose)}</bdi></dd>
            </div>
          )}
          {item.expires && (
            <div>
              <dt>{say('item.expires')}</dt>
              <dd><Day at={item.expires} solar /></dd>
            </div>
          )}
        </dl>
      )}

      {item.object !== undefined && <Stix object={item.object} />}

      <section className="sheet-part" aria-labelledby="withheld">
        <h3 id="withheld">{say('item.redactions')}</h3>
        {redactions.length ? (
          <ul className="redactions">
            {redactions.map((r, i) => (
              <li key={i}>
                <Icon name="lock" size={15} /> <bdi>{r}</bdi>
              </li>
            ))}
          </ul>
        ) : (
          <p className="quiet">{say('item.no-redactions')}</p>
        )}
      </section>

      <Provenance item={item} />

      <Fold title={say('item.raw')}>
        <pre className="raw" dir="ltr" tabIndex={0}>{JSON.stringify(item.object ?? null, null, 2)}</pre>
      </Fold>
    </article>
  )
}

/** Provenance tells the proof as the steps that it consists of. */
function Provenance(props: { item: Item }) {
  const say = useSay()
  const { item } = props
  const p = item.provenance
  if (!p) return null
  const cosigners = p.cosigned_by ?? []
  return (
    <section className="sheet-part" aria-labelledby="provenance">
      <h3 id="provenance">{say('item.provenance')}</h3>
      <ol className="proof">
        <li>
          <p>
            <PartyName id={item.from} name={item.from_name} /> {say('proof.released')}{' '}
            <a href={formatRoute({ page: 'accords', id: item.accord })}>
              <Text>{item.accord_title || item.accord}</Text>
            </a>
          </p>
          <p className="quiet">
            <Moment at={p.event_at} solar />
          </p>
        </li>
        <li>
          <p>{say('proof.entry', { index: p.index })}</p>
          <p className="quiet">
            {say('proof.log')} <Digest value={p.log} keep={18} />
          </p>
          <p className="quiet">
            {say('proof.digest')} <Digest value={p.digest} keep={18} />
          </p>
        </li>
        <li>
          <p>{say('proof.checkpoint', { size: p.checkpoint_size })}</p>
        </li>
        <li>
          {cosigners.length ? (
            <p className="cosigners">
              {say('proof.cosigned')}{' '}
              {cosigners.map((name) => (
                <PartyName key={name} name={name} />
              ))}
            </p>
          ) : (
            <p>{say('proof.not-cosigned')}</p>
          )}
        </li>
      </ol>
      <p>
        <a className="act act-plain" href={receiptAddress(p.log, p.index)} download>
          <Icon name="download" size={16} /> {say('receipt')}
        </a>{' '}
        <span className="quiet">
          {say('receipt.note')} <code dir="ltr">parley verify</code>
        </span>
      </p>
    </section>
  )
}
