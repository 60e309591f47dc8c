import { useMemo } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useIntl } from 'react-intl'
import { session } from '../api/queries'
import type { IncidentRow } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Day, Grading, Loading, Marking, Panel, PartyName } from '../parts'
import { amend, formatRoute } from '../route'
import type { Columns } from './columns'
import { useWord } from './FilterBar'
import { AlertLink } from './ExportLinks'
import { useRows } from './rows'

/** ChosenReport: one report, with all who are named for the event, side by side. */
export function ChosenReport(props: { columns: Columns; at: number }) {
  const { columns, at } = props
  const say = useSay()
  const event = columns.event[at]!
  const members = useMemo(() => {
    if (!event) return Uint32Array.of(at)
    const found = [at]
    for (let i = 0; i < columns.n; i++) if (columns.event[i] === event && i !== at) found.push(i)
    return Uint32Array.from(found)
  }, [columns, at, event])
  const rows = useRows(columns, members)
  const row = rows.get(at)
  return (
    <Panel id="sit-chosen" title={say('sit.chosen')} className="sit-chosen" tools={<Act icon="close" onPress={() => amend({ incident: '' })}>{say('close')}</Act>}>
      {row ? <Report row={row} columns={columns} at={at} reports={Array.from(members, (i) => rows.get(i)).filter((r) => r !== undefined)} /> : <Loading />}
    </Panel>
  )
}

function Report(props: { row: IncidentRow; columns: Columns; at: number; reports: IncidentRow[] }) {
  const { row, columns, at, reports } = props
  const say = useSay()
  const term = useTerm()
  const word = useWord()
  const { formatNumber } = useIntl()
  const role = useQuery(session).data?.user.role ?? ''
  const k = row.killed
  return (
    <div className="inset">
      <h3><bdi>{row.title}</bdi></h3>
      <dl className="facts">
        <div><dt>{say('incident.date')}</dt><dd><Day at={row.date} precision={row.date_precision} solar /></dd></div>
        <div>
          <dt>{say('incident.where')}</dt>
          <dd><bdi>{row.place}</bdi> {row.area && <bdi>{word('area', row.area)}</bdi>}{row.lat === null ? <> · {say('incident.no-place')}</> : row.radius_km > 0 && <> · {say('within-km', { n: Math.round(row.radius_km) })}</>}</dd>
        </div>
        <div><dt>{say('filter.class')}</dt><dd>{term('class', row.class)} · {term('kind', row.kind)}</dd></div>
        <div><dt>{say('incident.killed')}</dt><dd>{formatNumber(k.best)}{k.low !== k.high && <bdi dir="ltr"> ({formatNumber(k.low)}–{formatNumber(k.high)})</bdi>}</dd></div>
        <div><dt>{say('incident.from')}</dt><dd>{row.from ? <PartyName name={row.from} /> : say('own')} <Marking label={row.marking} /> <Grading grade={row.grading} full /></dd></div>
      </dl>
      <h4>{say('sit.said')}{columns.rival[at] === 1 && <span className="rival"> · {say('sit.rival')}</span>}</h4>
      <Said reports={reports} />
      <p className="quiet">{say('sit.said-note')}</p>
      <p className="acts">
        <a className="act act-plain" href={formatRoute({ page: 'library', id: row.id })}>{say('sit.open')}</a>
        {reports.length > 1 && <a className="act act-plain" href={formatRoute({ page: 'fusion' })}>{say('sit.fused', { n: reports.length })}</a>}
        {!row.from && (role === 'officer' || role === 'approver') && <a className="act act-plain" href={formatRoute({ page: 'release', query: { objects: row.id } })}>{say('sit.release')}</a>}
      </p>
      <AlertLink id={row.id} />
    </div>
  )
}

/** Said sets who is named, and by whom, side by side; nothing is merged. */
function Said(props: { reports: IncidentRow[] }) {
  const say = useSay()
  const term = useTerm()
  const said = props.reports.flatMap((report) => [
    { key: report.id, by: '', from: report.from, says: 'named', of: report.organisation, statement: '', grading: report.grading },
    ...report.claims.map((c, i) => ({ key: `${report.id} ${i}`, by: c.by, from: report.from, says: c.kind, of: c.of || c.by, statement: c.statement ?? '', grading: c.grading ?? '' })),
  ])
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={say('sit.said')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('sit.who')}</th>
            <th scope="col">{say('sit.says')}</th>
            <th scope="col">{say('sit.of')}</th>
            <th scope="col">{say('sit.grade')}</th>
          </tr>
        </thead>
        <tbody>
          {said.map((one) => (
            <tr key={one.key}>
              <td>
                {one.by && <><bdi>{one.by}</bdi> <span className="row-sub">{say('sit.told')}</span> </>}
                {one.from ? <PartyName name={one.from} /> : say('sit.own-report')}
              </td>
              <td>{term('says', one.says)}{one.statement && <span className="row-sub"><bdi>{one.statement}</bdi></span>}</td>
              <td>{one.of ? <bdi>{one.of}</bdi> : <span className="quiet">{say('incident.no-claim')}</span>}</td>
              <td><Grading grade={one.grading} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
