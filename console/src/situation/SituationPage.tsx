import '../style/overview.css'
import '../style/situation.css'
import { useState } from 'react'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { fetchFile } from '../api/client'
import { overview, queries } from '../api/queries'
import type { Overview } from '../api/types'
import { useSay } from '../i18n'
import { worked } from '../i18n/work'
import { Act, Asked, Empty } from '../parts'
import { amend, useRoute } from '../route'
import { readColumns } from './columns'
import { dayOf, textOf } from './filter'
import { Views } from './Views'

export const spans = ['13w', '52w', '104w', 'all'] as const
export type Span = (typeof spans)[number]

/** columnsFrom a day on ("" is all that is held). They are not asked for by the clock:
 * the page says when there is more. `held` is how many there were then. */
const columnsFrom = (from: string) =>
  queryOptions({
    queryKey: ['columns', from],
    queryFn: async ({ signal }) => ({
      columns: readColumns(await fetchFile(`/api/v1/incidents/columns${from ? `?from=${from}` : ''}`, signal)),
      held: queries.getQueryData<Overview>(overview.queryKey)?.counts.incidents ?? 0,
    }),
    staleTime: Infinity,
  })

/** SituationPage: map, timeline and table of all reports, three views of one filter. */
export default worked(function SituationPage() {
  const say = useSay()
  const { query } = useRoute()
  const known = useQuery(overview)
  const span = spans.find((s) => s === query.span) ?? '104w'
  return (
    <div className="page situation-page">
      <header className="page-head">
        <h1>{say('nav.situation')}</h1>
        <p className="holdings">{say('sit.lead')}</p>
      </header>
      <Asked of={known}>{(held) => <Period held={held} span={span} />}</Asked>
    </div>
  )
})

function Period(props: { held: Overview; span: Span }) {
  const say = useSay()
  const { held, span } = props
  const last = dayOf((held.data.to ?? '').slice(0, 10))
  // What was first asked for stays, also when newer reports come.
  const [end] = useState(last)
  const from = span === 'all' || end === null ? '' : textOf(end - 7 * Number.parseInt(span, 10) + 1)
  const asked = useQuery(columnsFrom(from))
  const more = asked.data && asked.data.held !== held.counts.incidents
  return (
    <>
      {more && (
        <p className="notice" role="status">
          {say('sit.newer')} <Act onPress={() => void asked.refetch()}>{say('sit.load')}</Act>
        </p>
      )}
      <Asked of={asked}>
        {({ columns }) =>
          columns.n === 0 ? (
            <Empty title={say('no-data')}>
              {say('no-data-note')}{' '}
              {span !== 'all' && <Act onPress={() => amend({ span: 'all' })}>{say('span.all')}</Act>}
            </Empty>
          ) : (
            <Views columns={columns} span={span} />
          )
        }
      </Asked>
    </>
  )
}
