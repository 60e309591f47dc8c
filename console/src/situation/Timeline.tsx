import { useId, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { useIntl } from 'react-intl'
import { languages, useLanguage, useSay } from '../i18n'
import { Act, Choice, Day, Panel } from '../parts'
import { date, instant, monthYear, solarHijri } from '../parts/time'
import { Toggle } from '../overview/Toggle'
import { yTicks } from '../overview/week'
import { useWidth } from '../overview/WeekChart'
import { amend, useRoute } from '../route'
import { barsBetween, binsOf, daysOf, type Bins } from './bins'
import type { Columns } from './columns'
import { textOf, type Filter, type Selected } from './filter'
import { windows, type Playback } from './playback'
import type { Pointed } from './Views'

const height = 150
const foot = 22
const head = 8
const gutter = 40

/** Timeline counts reports over time: those of the filter before those of any time.
 * Dragging, or Shift with the arrows and Enter, chooses days. */
export function Timeline(props: {
  columns: Columns
  selected: Selected
  filter: Filter
  playback: Playback
  chosen: number
  pointed: Pointed
  onPoint: (to: Pointed) => void
}) {
  const { columns, selected, playback } = props
  const say = useSay()
  const { query } = useRoute()
  const bins = useMemo(() => binsOf(columns, selected.rows, selected.anytime, 160), [columns, selected])
  return (
    <Panel
      id="sit-time"
      title={say('sit.timeline')}
      className="sit-time"
      note={say('sit.bar-of', { n: bins.width })}
      tools={
        <>
          <Act icon={playback.running ? 'pause' : 'play'} onPress={playback.running ? playback.pause : playback.start}>{say(playback.running ? 'sit.pause' : 'sit.play')}</Act>
          <Toggle name="sit-time" label={say('sit.timeline')} />
        </>
      }
    >
      {playback.at !== null && <Player playback={playback} />}
      {query['sit-time-as'] === 'table' ? <BarTable bins={bins} /> : <Chart {...props} bins={bins} />}
    </Panel>
  )
}

function Player(props: { playback: Playback }) {
  const { playback } = props
  const say = useSay()
  const { locale } = useIntl()
  const at = instant(textOf(playback.at!))!
  const from = instant(textOf(Math.max(playback.first, playback.at! - playback.window + 1)))!
  return (
    <div className="sit-player">
      <label className="sit-seek">
        <span className="label">{say('sit.position')}</span>
        <input
          type="range"
          min={playback.first}
          max={playback.last}
          value={playback.at!}
          aria-valuetext={`${date(locale, at)}, ${solarHijri(locale, at)}`}
          onChange={(event) => playback.seek(Number(event.target.value))}
        />
      </label>
      <p className="sit-window">
        <bdi>{date(locale, from)}</bdi> – <bdi>{date(locale, at)}</bdi>{' '}
        <span className="solar"><bdi>{solarHijri(locale, from)}</bdi> – <bdi>{solarHijri(locale, at)}</bdi></span>
      </p>
      <Choice label={say('sit.window')} value={String(playback.window)} options={windows.map((w) => [String(w), say('sit.days', { n: w })])} onChange={(value) => amend({ window: value === '28' ? '' : value })} />
      <Act icon="close" onPress={playback.end}>{say('sit.stop')}</Act>
    </div>
  )
}

function Chart(props: { bins: Bins; columns: Columns; filter: Filter; playback: Playback; chosen: number; onPoint: (to: Pointed) => void; pointed: Pointed }) {
  const { bins, columns, filter, playback, chosen, onPoint, pointed } = props
  const say = useSay()
  const { locale } = useIntl()
  const { tongue } = useLanguage()
  const mirrored = languages[tongue].dir === 'rtl'
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const [cursor, setCursor] = useState<number | null>(null)
  const [anchor, setAnchor] = useState<number | null>(null)
  const keys = useId()
  const n = bins.around.length
  const most = useMemo(() => bins.around.reduce((a, b) => Math.max(a, b), 1), [bins])
  const ticks = yTicks(most)
  const top = ticks.at(-1)!
  const slot = Math.max(0.5, (width - gutter - 6) / Math.max(1, n))
  const along = (i: number) => (mirrored ? width - gutter - i * slot : gutter + i * slot)
  const edge = (i: number) => (mirrored ? along(i + 1) : along(i))
  const y = (value: number) => head + (height - head - foot) * (1 - value / top)
  const tall = (value: number) => height - foot - y(value)
  const [from, to] = barsBetween(bins, playback.filter.from, playback.filter.to)
  const limited = filter.from !== null || filter.to !== null || playback.at !== null
  const years = useMemo(() => yearTicks(bins, Math.max(2, Math.floor(width / 120))), [bins, width])
  const brushed = cursor !== null && anchor !== null

  const barAt = (event: PointerEvent) => {
    const area = event.currentTarget.getBoundingClientRect()
    const x = event.clientX - area.x
    const i = Math.floor(((mirrored ? width - x : x) - gutter) / slot)
    return Math.max(0, Math.min(n - 1, i))
  }
  const look = (i: number | null, start: number | null) => {
    setCursor(i)
    if (i === null) return onPoint(null)
    const [a, b] = daysOf(bins, start ?? i, i)
    onPoint({ from: a, to: b })
  }
  const choose = (a: number, b: number) => {
    const [first, last] = daysOf(bins, a, b)
    setAnchor(null)
    amend({ from: textOf(first), to: textOf(last), play: '' })
  }
  const step = (event: KeyboardEvent) => {
    const ahead = mirrored ? 'ArrowLeft' : 'ArrowRight'
    const behind = mirrored ? 'ArrowRight' : 'ArrowLeft'
    const now = cursor ?? (event.key === behind ? n : -1)
    const next =
      event.key === ahead ? Math.min(n - 1, now + 1)
      : event.key === behind ? Math.max(0, now - 1)
      : event.key === 'Home' ? 0
      : event.key === 'End' ? n - 1
      : null
    if (next !== null) {
      const start = event.shiftKey ? (anchor ?? cursor ?? next) : null
      setAnchor(start)
      look(next, start)
    } else if (event.key === 'Enter' && cursor !== null) choose(anchor ?? cursor, cursor)
    else if (event.key === 'Escape') {
      setAnchor(null)
      look(null, null)
      amend({ from: '', to: '', play: '' })
    } else return
    event.preventDefault()
  }
  const shownBar = cursor ?? (pointed && 'row' in pointed ? Math.floor((columns.day[pointed.row]! - bins.first) / bins.width) : null)
  const [a, b] = cursor === null ? [0, 0] : daysOf(bins, anchor ?? cursor, cursor)
  const sum = (of: Uint32Array) => (cursor === null ? 0 : of.slice(Math.min(anchor ?? cursor, cursor), Math.max(anchor ?? cursor, cursor) + 1).reduce((x, c) => x + c, 0))
  return (
    <div className="sit-chart">
      <p className="weeks-read" role="status">
        {cursor === null ? (
          limited ? say('sit.brushed', { n: bins.counts.reduce((x, c) => x + c, 0), all: bins.around.reduce((x, c) => x + c, 0) }) : say('sit.brush')
        ) : (
          <>
            <Day at={textOf(a)} solar /> {a !== b && <>– <Day at={textOf(b)} solar /> </>}
            <strong>{say('filter.found', { n: sum(bins.around) })}</strong>
          </>
        )}
      </p>
      <div
        ref={box}
        className="weeks-box sit-bars"
        tabIndex={0}
        role="group"
        aria-label={say('sit.timeline-label', { n })}
        aria-describedby={keys}
        onKeyDown={step}
        onBlur={() => look(null, null)}
      >
        <svg
          width={width}
          height={height}
          aria-hidden="true"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId)
            const i = barAt(event)
            setAnchor(i)
            look(i, i)
          }}
          onPointerMove={(event) => look(barAt(event), anchor)}
          onPointerUp={(event) => anchor !== null && choose(anchor, barAt(event))}
          onPointerCancel={() => setAnchor(null)}
          onPointerLeave={() => anchor === null && look(null, null)}
        >
          {ticks.map((tick) => (
            <g key={tick}>
              <line className="grid" x1={along(0)} x2={along(n)} y1={y(tick)} y2={y(tick)} />
              <text className="axis" x={mirrored ? width - gutter + 6 : gutter - 6} y={y(tick) + 4} textAnchor={mirrored ? 'start' : 'end'} direction="ltr">{tick}</text>
            </g>
          ))}
          {limited && <rect className="sit-brush" x={Math.min(along(from), along(to + 1))} y={head} width={(to - from + 1) * slot} height={height - head - foot} />}
          {brushed && <rect className="sit-brush sit-brush-on" x={Math.min(along(Math.min(anchor, cursor)), along(Math.max(anchor, cursor) + 1))} y={head} width={(Math.abs(anchor - cursor) + 1) * slot} height={height - head - foot} />}
          <path className="sit-around" d={bars(bins.around, edge, slot, y, tall)} />
          <path className="sit-counts" d={bars(bins.counts, edge, slot, y, tall)} />
          {shownBar !== null && <line className="sit-cursor" x1={edge(shownBar) + slot / 2} x2={edge(shownBar) + slot / 2} y1={head} y2={height - foot} />}
          {chosen >= 0 && <circle className="sit-chosen-dot" cx={edge(Math.floor((columns.day[chosen]! - bins.first) / bins.width)) + slot / 2} cy={height - foot + 4} r="3.5" />}
          {years.map((tick) => (
            <g key={tick.bar}>
              <line className="quarter" x1={along(tick.bar)} x2={along(tick.bar)} y1={height - foot} y2={height - foot + 5} />
              <text className="axis" x={along(tick.bar) + (mirrored ? -4 : 4)} y={height - 6} textAnchor={mirrored ? 'end' : 'start'} direction={mirrored ? 'rtl' : 'ltr'}>{monthYear(locale, tick.at)}</text>
            </g>
          ))}
        </svg>
      </div>
      <p className="unseen" id={keys}>{say('sit.keys')}</p>
      <ul className="legend">
        <li><span className="key sit-key-counts" aria-hidden="true" />{say('sit.key-counts')}</li>
        <li><span className="key sit-key-around" aria-hidden="true" />{say('sit.key-around')}</li>
      </ul>
    </div>
  )
}

/** bars as one path: a hundred rectangles drawn at once. */
function bars(counts: Uint32Array, edge: (i: number) => number, slot: number, y: (n: number) => number, tall: (n: number) => number): string {
  const wide = Math.max(0.5, slot - (slot > 4 ? 1 : 0))
  let path = ''
  counts.forEach((count, i) => {
    if (count) path += `M${edge(i).toFixed(1)} ${y(count).toFixed(1)}h${wide.toFixed(1)}v${tall(count).toFixed(1)}h${(-wide).toFixed(1)}Z`
  })
  return path
}

/** yearTicks: where years begin, at most so many of them; for a short time, months. */
function yearTicks(bins: Bins, most: number): { bar: number; at: Date }[] {
  const found: { bar: number; at: Date; year: number; month: number }[] = []
  let before = -1
  for (let bar = 0; bar < bins.around.length; bar++) {
    const at = instant(textOf(bins.first + bar * bins.width))!
    const month = at.getUTCFullYear() * 12 + at.getUTCMonth()
    if (month !== before) found.push({ bar, at, year: at.getUTCFullYear(), month: at.getUTCMonth() })
    before = month
  }
  const yearly = found.filter((t, i) => i > 0 && t.year !== found[i - 1]!.year)
  const ticks = yearly.length >= 3 ? yearly : found.slice(1)
  const every = Math.ceil(ticks.length / most)
  return ticks.filter((_, i) => i % every === 0)
}

/** BarTable: the numbers behind the timeline, newest first, those without reports left
 * out at the ends alone. */
function BarTable(props: { bins: Bins }) {
  const { bins } = props
  const say = useSay()
  const { formatNumber } = useIntl()
  return (
    <div className="table-box sit-bar-table" tabIndex={0} role="region" aria-label={say('sit.timeline-table')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('sit.bar-from')}</th>
            <th scope="col" className="number">{say('sit.key-counts')}</th>
            <th scope="col" className="number">{say('sit.key-around')}</th>
          </tr>
        </thead>
        <tbody>
          {Array.from(bins.around, (around, i) => (
            <tr key={i}>
              <td><Day at={textOf(bins.first + i * bins.width)} solar /></td>
              <td className="number">{formatNumber(bins.counts[i]!)}</td>
              <td className="number">{formatNumber(around)}</td>
            </tr>
          )).reverse()}
        </tbody>
      </table>
    </div>
  )
}
