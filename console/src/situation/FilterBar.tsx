import { useIntl } from 'react-intl'
import { useSay, useTerm } from '../i18n'
import { Act, Choice } from '../parts'
import { instant, solarHijri } from '../parts/time'
import { useAreaName } from '../overview/area'
import { usePartyName } from '../parts'
import { amend } from '../route'
import type { Columns } from './columns'
import { choices, gradedCount, gradings, nothing, optionsOf, textOf, type ChoiceName, type Filter, type Selected } from './filter'
import { spans, type Span } from './SituationPage'

/** FilterBar: what all three views show. Each choice says how many it would leave. */
export function FilterBar(props: { columns: Columns; filter: Filter; counts: Selected['counts']; n: number; span: Span }) {
  const { columns, filter, counts, n, span } = props
  const say = useSay()
  const { formatNumber } = useIntl()
  const name = useWord()
  const filtered = choices.some((c) => filter[c]) || filter.from !== null || filter.to !== null || filter.box !== null
  const labelled = (text: string, count: number) => `${text} (${formatNumber(count)})`
  const options = (choice: ChoiceName): [string, string][] =>
    choice === 'grading'
      ? gradings.map((g) => [g, labelled(g === nothing ? say('ungraded') : say('sit.graded', { grade: g }), gradedCount(columns, counts.grading, g))])
      : optionsOf(columns, counts[choice], choice).map((one) => [one.value, labelled(name(choice, one.word), one.n)])
  return (
    <div className="filter sit-filter" role="group" aria-label={say('sit.filter')}>
      {choices.map((choice) => (
        <Choice
          key={choice}
          label={say(`choice.${choice}`)}
          value={filter[choice]}
          options={withChosen([['', say('sit.any')], ...options(choice)], filter[choice])}
          onChange={(value) => amend({ [choice]: value, incident: '' })}
        />
      ))}
      <Choice label={say('sit.loaded')} value={span} options={spans.map((s) => [s, say(`span.${s}`)])} onChange={(value) => amend({ span: value === '104w' ? '' : value })} />
      <DayField name="from" day={filter.from} />
      <DayField name="to" day={filter.to} />
      <p className="filter-note" role="status">
        {say('filter.found', { n })}
        {filter.box && <> · {say('sit.boxed')}</>}
      </p>
      {filtered && (
        <Act icon="close" onPress={() => amend({ ...Object.fromEntries(choices.map((c) => [c, ''])), from: '', to: '', box: '', play: '' })}>{say('sit.clear')}</Act>
      )}
    </div>
  )
}

/** A choice from a shared address stays visible when nothing is left of it. */
const withChosen = (options: [string, string][], chosen: string) => (options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen] as [string, string]])

function DayField(props: { name: 'from' | 'to'; day: number | null }) {
  const say = useSay()
  const { locale } = useIntl()
  const text = props.day === null ? '' : textOf(props.day)
  const at = instant(text)
  return (
    <label className="choice">
      <span className="label">{say(`choice.${props.name}`)}</span>
      <input type="date" value={text} min="1900-01-01" max="2100-12-31" onChange={(event) => amend({ [props.name]: event.target.value, play: '' })} />
      {at && <bdi className="solar">{solarHijri(locale, at)}</bdi>}
    </label>
  )
}

/** useWord says a word of a column in the reader's language. */
export function useWord(): (column: ChoiceName | 'kind', word: string) => string {
  const say = useSay()
  const term = useTerm()
  const areaName = useAreaName()
  const partyName = usePartyName()
  return (column, word) => {
    if (column === 'party') return word ? partyName(word) : say('own')
    if (!word) return say(column === 'marking' ? 'unmarked' : column === 'grading' ? 'ungraded' : 'none')
    if (column === 'area') return areaName(word)
    return column === 'class' || column === 'kind' ? term(column, word) : word
  }
}
