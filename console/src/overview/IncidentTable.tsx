import { useState } from 'react'
import { useIntl } from 'react-intl'
import type { Incident } from '../api/types'
import { useSay, useTerm } from '../i18n'
import { Act, Day, Empty, Grading, Marking, PartyName } from '../parts'
import { useAreaName } from './area'

const step = 50

/** IncidentTable: the reports behind the map, newest first. */
export function IncidentTable(props: { incidents: Incident[]; compact?: boolean }) {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const [rows, setRows] = useState(step)
  if (!props.incidents.length) return <Empty title={say('incidents.none')}>{say('incidents.none-note')}</Empty>
  const shown = props.incidents.slice(0, rows)
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={say('incidents.table')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('incident.date')}</th>
            <th scope="col">{say('incident.what')}</th>
            {!props.compact && <th scope="col">{say('incident.where')}</th>}
            <th scope="col">{say('incident.killed')}</th>
            <th scope="col">{say('incident.claim')}</th>
            <th scope="col">{say('incident.from')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={one.id}>
              <td className="tight">
                <Day at={one.date} precision={one.date_precision} solar />
              </td>
              <td>
                <span className="row-title"><bdi>{one.title}</bdi></span>
                <span className="row-sub">
                  {one.class && term('class', one.class)}
                  {one.kind && one.kind !== one.class && <> · {term('kind', one.kind)}</>}
                </span>
              </td>
              {!props.compact && (
                <td>
                  <bdi>{one.place}</bdi>
                  <span className="row-sub">
                    {areaName(one.area)}
                    {one.radius_km > 0 && <> · {say('within-km', { n: Math.round(one.radius_km) })}</>}
                    {one.lat === null && <> · {say('incident.no-place')}</>}
                  </span>
                </td>
              )}
              <td className="tight">
                <Killed of={one} />
              </td>
              <td>{one.organisation ? <bdi>{one.organisation}</bdi> : <span className="quiet">{say('incident.no-claim')}</span>}</td>
              <td>
                {one.from ? <PartyName name={one.from} /> : say('own')}
                <span className="row-sub row-marks">
                  <Marking label={one.marking} /> <Grading grade={one.grading} />
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows < props.incidents.length && (
        <p className="more">
          <Act onPress={() => setRows(rows + step)}>{say('more', { n: Math.min(step, props.incidents.length - rows) })}</Act>
          <span className="quiet">{say('shown-of', { n: rows, all: props.incidents.length })}</span>
        </p>
      )}
    </div>
  )
}

/** Killed is a range where sources differ: the best figure, then its bounds. */
function Killed(props: { of: Incident }) {
  const { formatNumber } = useIntl()
  const k = props.of.killed
  if (!k) return <>–</>
  return (
    <>
      <span className="figure">{formatNumber(k.best)}</span>
      {k.low !== k.high && (
        <span className="quiet" dir="ltr">
          {' '}({formatNumber(k.low)}–{formatNumber(k.high)})
        </span>
      )}
    </>
  )
}
