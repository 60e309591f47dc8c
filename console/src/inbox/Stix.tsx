import type { ReactNode } from 'react'
import { useSay, useTerm } from '../i18n'
import { Day, Moment } from '../parts'

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

// What the sheet already says above, or what only machines need; the raw object has it.
const hidden = new Set(['type', 'spec_version', 'object_marking_refs', 'extension_type', 'granular_markings'])

/** Stix renders an object of a partner as inert text: the prose first, then its
 * fields and those of its extensions as a list. */
export function Stix(props: { object: unknown }) {
  const say = useSay()
  if (!isFields(props.object)) return null
  const { name: _, description, extensions, ...fields } = props.object
  const parts = isFields(extensions) ? Object.values(extensions).filter(isFields) : []
  return (
    <section className="sheet-part" aria-label={say('item.content')}>
      {typeof description === 'string' && <p className="prose" dir="auto">{description}</p>}
      {parts.map((part, i) => (
        <FieldList key={i} of={part} />
      ))}
      <FieldList of={fields} />
    </section>
  )
}

function FieldList(props: { of: Fields }) {
  const term = useTerm()
  const shown = Object.entries(props.of).filter(([key, value]) => !hidden.has(key) && said(value))
  if (!shown.length) return null
  return (
    <dl className="fields">
      {shown.map(([key, value]) => (
        <div key={key}>
          <dt dir="auto">{label(term('field', key), key)}</dt>
          <dd>
            <Value of={value} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

const label = (translated: string, key: string) => (translated === key ? key.replaceAll('_', ' ') : translated)

const said = (value: unknown) =>
  value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)

/** A figure on which sources differ: the best one and its bounds. */
const isRange = (value: unknown): value is { low?: number; best?: number; high?: number } =>
  isFields(value) &&
  Object.keys(value).length > 0 &&
  Object.entries(value).every(([key, n]) => ['low', 'best', 'high'].includes(key) && typeof n === 'number')

function Value(props: { of: unknown }): ReactNode {
  const { of: value } = props
  const say = useSay()
  if (typeof value === 'boolean') return say(value ? 'yes' : 'no')
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return <Moment at={value} />
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)) return <Day at={value} solar />
  if (typeof value === 'string' || typeof value === 'number') return <bdi>{String(value)}</bdi>
  if (Array.isArray(value)) {
    const plain = value.every((v) => typeof v !== 'object')
    return (
      <ul className={plain ? 'inline-list' : 'block-list'}>
        {value.map((v, i) => (
          <li key={i}>
            <Value of={v} />
          </li>
        ))}
      </ul>
    )
  }
  if (isRange(value)) {
    return (
      <bdi>
        {value.best ?? '?'} ({value.low ?? '?'}–{value.high ?? '?'})
      </bdi>
    )
  }
  return isFields(value) ? <FieldList of={value} /> : null
}
