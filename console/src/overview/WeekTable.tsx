import { useSay } from '../i18n'
import { Day } from '../parts'

/** WeekTable: the numbers behind the weekly chart, newest week first. */
export function WeekTable(props: { weeks: string[]; counts: (number | null)[] }) {
  const say = useSay()
  const rows = props.weeks.map((week, i) => ({ week, count: props.counts[i] })).reverse()
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label={say('weeks.table')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('weeks.week')}</th>
            <th scope="col" className="number">{say('weeks.reports')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ week, count }) => (
            <tr key={week}>
              <td><Day at={week} solar /></td>
              <td className="number">{count ?? say('no-data')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
