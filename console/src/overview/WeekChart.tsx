import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { useIntl } from 'react-intl'
import { useLanguage, languages, useSay } from '../i18n'
import { instant, date, monthYear, solarHijri } from '../parts/time'
import { quarterTicks, quietTail, trailingMean, yTicks } from './week'

const height = 210
const foot = 24
const head = 10
const gutter = 34

/** WeekChart draws reports per week. Time runs as the text does: from the left
 * in English, from the right in Urdu. */
export function WeekChart(props: { weeks: string[]; counts: (number | null)[] }) {
  const { weeks, counts } = props
  const say = useSay()
  const { locale, formatNumber } = useIntl()
  const { tongue } = useLanguage()
  const mirrored = languages[tongue].dir === 'rtl'
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const [cursor, setCursor] = useState<number | null>(null)
  const hatch = useId()

  const most = Math.max(1, ...counts.map((c) => c ?? 0))
  const ticks = yTicks(most)
  const top = ticks.at(-1)!
  const inner = Math.max(1, width - gutter - 6)
  const slot = inner / Math.max(1, weeks.length)
  const along = (i: number) => {
    const x = gutter + i * slot
    return mirrored ? width - x : x
  }
  const edge = (i: number) => (mirrored ? along(i + 1) : along(i))
  const y = (value: number) => head + (height - head - foot) * (1 - value / top)
  const means = useMemo(() => trailingMean(counts, 8), [counts])
  const quarters = useMemo(() => quarterTicks(weeks), [weeks])
  const tail = quietTail(counts)
  const dense = inner / Math.max(1, quarters.length) < 62

  const line = means
    .map((m, i) => (m === null ? '' : `${i > 0 && means[i - 1] != null ? 'L' : 'M'}${(edge(i) + slot / 2).toFixed(1)} ${y(m).toFixed(1)}`))
    .join('')

  const point = (event: PointerEvent) => {
    const area = event.currentTarget.getBoundingClientRect()
    const x = event.clientX - area.x
    const i = Math.floor(((mirrored ? width - x : x) - gutter) / slot)
    setCursor(i >= 0 && i < weeks.length ? i : null)
  }
  const step = (event: KeyboardEvent) => {
    const last = weeks.length - 1
    const ahead = mirrored ? 'ArrowLeft' : 'ArrowRight'
    const behind = mirrored ? 'ArrowRight' : 'ArrowLeft'
    const now = cursor ?? last + 1
    if (event.key === ahead) setCursor(Math.min(last, now + 1))
    else if (event.key === behind) setCursor(Math.max(0, now - 1))
    else if (event.key === 'Home') setCursor(0)
    else if (event.key === 'End') setCursor(last)
    else if (event.key === 'Escape') setCursor(null)
    else return
    event.preventDefault()
  }

  const total = counts.reduce<number>((sum, c) => sum + (c ?? 0), 0)
  const chosen = cursor === null ? null : instant(weeks[cursor])
  const value = cursor === null ? null : counts[cursor]
  return (
    <div className="weeks">
      <p className="weeks-read" role="status">
        {chosen && cursor !== null ? (
          <>
            <bdi>{say('weeks.week-of', { date: date(locale, chosen) })}</bdi>{' '}
            <bdi className="solar">{solarHijri(locale, chosen)}</bdi>{' '}
            <strong>{value === null || value === undefined ? say('no-data') : say('weeks.n', { n: value })}</strong>
            {means[cursor] != null && (
              <span className="quiet"> · {say('weeks.mean', { n: formatNumber(means[cursor]!, { maximumFractionDigits: 1 }) })}</span>
            )}
          </>
        ) : (
          <>
            {say('weeks.total', { n: total })}
            {tail >= 4 && <> · <strong>{say('weeks.quiet', { n: tail })}</strong></>}
          </>
        )}
      </p>
      <div
        ref={box}
        className="weeks-box"
        tabIndex={0}
        role="group"
        aria-label={say('weeks.label', { n: weeks.length, total })}
        onKeyDown={step}
        onBlur={() => setCursor(null)}
      >
        <svg
          width={width}
          height={height}
          aria-hidden="true"
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={() => setCursor(null)}
        >
          <defs>
            <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <line className="hatch" x1="0" y1="0" x2="0" y2="6" />
            </pattern>
          </defs>
          {ticks.map((tick) => (
            <g key={tick}>
              <line className="grid" x1={along(0)} x2={along(weeks.length)} y1={y(tick)} y2={y(tick)} />
              <text className="axis" x={mirrored ? width - gutter + 6 : gutter - 6} y={y(tick) + 4} textAnchor={mirrored ? 'start' : 'end'} direction="ltr">
                {tick}
              </text>
            </g>
          ))}
          {tail >= 4 && (
            <rect
              className="tail"
              x={Math.min(along(weeks.length - tail), along(weeks.length))}
              y={head}
              width={tail * slot}
              height={height - head - foot}
              fill={`url(#${hatch})`}
            />
          )}
          {quarters.map((q) => (
            <g key={q.index}>
              <line className={q.year ? 'quarter year' : 'quarter'} x1={along(q.index)} x2={along(q.index)} y1={head} y2={height - foot + 5} />
              {(q.year || !dense) && (weeks.length - q.index) * slot > 58 && (
                <text className="axis" x={along(q.index) + (mirrored ? -4 : 4)} y={height - 6} textAnchor="start" direction={mirrored ? 'rtl' : 'ltr'}>
                  {monthYear(locale, q.at)}
                </text>
              )}
            </g>
          ))}
          {counts.map((count, i) =>
            count === null || count === undefined ? (
              <rect key={i} x={edge(i)} y={head} width={slot} height={height - head - foot} fill={`url(#${hatch})`} />
            ) : count === 0 ? (
              <rect key={i} className="zero" x={edge(i) + slot * 0.15} width={slot * 0.7} y={y(0) - 1} height="1" />
            ) : (
              <rect
                key={i}
                className={i === cursor ? 'bar bar-on' : 'bar'}
                x={edge(i) + slot * 0.12}
                width={slot * 0.76}
                y={y(count)}
                height={y(0) - y(count)}
              />
            ),
          )}
          <path className="mean" d={line} />
          {cursor !== null && (
            <line className="cursor" x1={edge(cursor) + slot / 2} x2={edge(cursor) + slot / 2} y1={head} y2={height - foot} />
          )}
        </svg>
      </div>
      <ul className="legend">
        <li><span className="key key-bar" aria-hidden="true" />{say('weeks.key-bar')}</li>
        <li><span className="key key-mean" aria-hidden="true" />{say('weeks.key-mean')}</li>
        {tail >= 4 && <li><span className="key key-hatch" aria-hidden="true" />{say('weeks.key-quiet')}</li>}
      </ul>
    </div>
  )
}

export function useWidth(box: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(640)
  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.floor(entry.contentRect.width))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [box])
  return width
}
