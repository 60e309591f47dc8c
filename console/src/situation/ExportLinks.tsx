import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { query as write } from '../api/client'
import { session } from '../api/queries'
import { useSay } from '../i18n'
import { Choice } from '../parts'
import { Icon } from '../parts/Icon'
import { selectionOf, type Filter } from './filter'

/** Who may take out what the node holds, as the node has it. */
const useExports = () => ['officer', 'analyst', 'operator'].includes(useQuery(session).data?.user.role ?? '')

const formats = [['geojson', 'GeoJSON'], ['csv', 'CSV'], ['stix', 'STIX']] as const

/** ExportLinks download what the filter shows; the node applies the same filter. */
export function ExportLinks(props: { filter: Filter }) {
  const say = useSay()
  const exports = useExports()
  if (!exports) return null
  const selection = selectionOf(props.filter)
  return (
    <span className="sit-exports" title={say('sit.export-note')}>
      <span className="label">{say('sit.export')}</span>
      {formats.map(([format, name]) => (
        <a key={format} className="act act-plain" href={`/api/v1/export${write({ format, ...(format === 'stix' ? { type: 'incident' } : {}), ...selection })}`} download>
          <Icon name="download" size={16} /> {name}
        </a>
      ))}
    </span>
  )
}

const statuses = ['Exercise', 'Test', 'Actual'] as const

/** AlertLink downloads one report as a CAP alert, of which a person says what it is. */
export function AlertLink(props: { id: string }) {
  const say = useSay()
  const exports = useExports()
  const [status, setStatus] = useState('')
  if (!exports) return null
  return (
    <div className="sit-alert">
      <Choice
        label={say('sit.alert')}
        value={status}
        options={[['', say('sit.alert-choose')], ...statuses.map((s) => [s, say(`alert.${s}`)] as const)]}
        onChange={setStatus}
      />
      {status && (
        <a className="act act-plain" href={`/api/v1/export${write({ format: 'cap', id: props.id, status })}`} download>
          <Icon name="download" size={16} /> CAP
        </a>
      )}
    </div>
  )
}
