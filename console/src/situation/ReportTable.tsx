import { useEffect, useRef, useState } from 'react'
import { useIntl } from 'react-intl'
import { useSay } from '../i18n'
import { Day, Empty, Grading, Marking } from '../parts'
import { useSettled } from '../parts/useSettled'
import { amend } from '../route'
import type { Columns } from './columns'
import { textOf } from './filter'
import { useWord } from './FilterBar'
import { useRows } from './rows'
import type { Pointed } from './Views'

const rowRem = 4.5
const spareRows = 6

/** ReportTable draws of any number of reports only the rows that can be seen. What the
 * columns say stands there at once; titles and places follow. */
export function ReportTable(props: { columns: Columns; rows: Uint32Array; chosen: number; pointed: Pointed; onPoint: (to: Pointed) => void }) {
  const { columns, rows, chosen, pointed, onPoint } = props
  const say = useSay()
  const { formatNumber } = useIntl()
  const word = useWord()
  const box = useRef<HTMLDivElement>(null)
  const [{ top, height }, setScroll] = useState({ top: 0, height: 600 })
  const rem = useRem()
  const tall = rowRem * rem
  const first = Math.max(0, Math.min(rows.length - 1, Math.floor(top / tall) - spareRows))
  const last = Math.min(rows.length, first + Math.ceil(height / tall) + 2 * spareRows)
  const details = useRows(columns, useSettled(`${first} ${last}`, 80) === `${first} ${last}` ? rows.subarray(first, last) : none)

  useEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => setScroll({ top: element.scrollTop, height: element.clientHeight })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    element.addEventListener('scroll', measure, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', measure)
    }
  }, [rows.length === 0])
  // A report chosen on the map comes into sight here.
  useEffect(() => {
    const at = chosen < 0 ? -1 : rows.indexOf(chosen)
    const element = box.current
    if (at < 0 || !element) return
    if (at * tall < element.scrollTop || (at + 2) * tall > element.scrollTop + element.clientHeight) element.scrollTop = Math.max(0, at * tall - element.clientHeight / 3)
  }, [chosen, rows, tall])

  if (!rows.length) return <Empty title={say('incidents.none')}>{say('incidents.none-note')}</Empty>
  const on = (i: number) => pointed !== null && ('row' in pointed ? pointed.row === i : columns.day[i]! >= pointed.from && columns.day[i]! <= pointed.to)
  return (
    <div ref={box} className="table-box sit-rows" tabIndex={0} role="region" aria-label={say('incidents.table')}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">{say('incident.date')}</th>
            <th scope="col">{say('incident.what')}</th>
            <th scope="col">{say('incident.where')}</th>
            <th scope="col" className="number">{say('incident.killed')}</th>
            <th scope="col">{say('incident.claim')}</th>
            <th scope="col">{say('incident.from')}</th>
          </tr>
        </thead>
        <tbody onPointerLeave={() => onPoint(null)}>
          {first > 0 && <Gap height={first * tall} />}
          {Array.from(rows.subarray(first, last), (i, k) => {
            const detail = details.get(i)
            const group = columns.words.group[columns.codes.group[i]!]!
            const title = detail?.title ?? word('kind', columns.words.kind[columns.codes.kind[i]!]!)
            return (
              <tr
                key={i}
                aria-rowindex={first + k + 2}
                className={`sit-row${i === chosen ? ' row-chosen' : ''}${on(i) ? ' row-lit' : ''}`}
                onPointerEnter={() => onPoint({ row: i })}
              >
                <td className="tight"><Day at={textOf(columns.day[i]!)} precision={detail?.date_precision ?? 'day'} solar /></td>
                <td>
                  <button type="button" className="row-open" dir="auto" aria-pressed={i === chosen} onFocus={() => onPoint({ row: i })} onClick={() => amend({ incident: columns.id(i) })}>
                    <bdi>{title}</bdi>
                  </button>
                  <span className="row-sub">
                    {word('class', columns.words.class[columns.codes.class[i]!]!)} · {word('kind', columns.words.kind[columns.codes.kind[i]!]!)}
                  </span>
                </td>
                <td>
                  <span className="row-line"><bdi>{detail?.place || word('area', columns.words.area[columns.codes.area[i]!]!)}</bdi></span>
                  <span className="row-sub">
                    {columns.lat[i]! !== columns.lat[i]! ? say('incident.no-place') : columns.radius[i]! > 0 && say('within-km', { n: columns.radius[i]! })}
                  </span>
                </td>
                <td className="number">{formatNumber(columns.killed[i]!)}</td>
                <td>
                  <span className="row-line" dir="auto">{group ? <bdi>{group}</bdi> : <span className="quiet">{say('incident.no-claim')}</span>}</span>
                  {columns.rival[i] === 1 && <span className="row-sub rival">{say('sit.rival')}</span>}
                </td>
                <td>
                  <span className="row-line">{word('party', columns.words.party[columns.codes.party[i]!]!)}</span>
                  <span className="row-sub row-marks">
                    <Marking label={columns.words.marking[columns.codes.marking[i]!]!} /> <Grading grade={columns.words.grading[columns.codes.grading[i]!]!} />
                  </span>
                </td>
              </tr>
            )
          })}
          {last < rows.length && <Gap height={(rows.length - last) * tall} />}
        </tbody>
      </table>
    </div>
  )
}

const none = new Uint32Array()

/** A row that stands for all those above or below. */
const Gap = (props: { height: number }) => (
  <tr aria-hidden="true" className="sit-gap">
    <td colSpan={6} style={{ blockSize: props.height }} />
  </tr>
)

/** useRem is the size of the reader's text in pixels, which a zoom changes. */
function useRem(): number {
  const read = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16
  const [rem, setRem] = useState(read)
  useEffect(() => {
    const look = () => setRem(read())
    addEventListener('resize', look)
    return () => removeEventListener('resize', look)
  }, [])
  return rem
}
