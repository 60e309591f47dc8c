import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useIntl } from 'react-intl'
import { useSay } from '../i18n'
import { Act, ProblemNote } from '../parts'
import { amend, useRoute } from '../route'
import { areaKey } from '../overview/area'
import { useQuery } from '@tanstack/react-query'
import { fetchBorders } from './borders'
import { around, cluster, type Cluster } from './cluster'
import { draw, outlineOf, pick } from './draw'
import { useInk } from './ink'
import type { Placed } from './points'
import { base, fit, home, nearest, readView, scaleBar, writeView, zoomAt, type Size, type View } from './view'

/** MapView draws the reports on a canvas that can be moved and zoomed by
 * pointer, touch and keyboard. The table behind it says the same. */
export default function MapView(props: {
  /** What is drawn; a new object redraws all of it. */
  placed: Placed
  /** How many more there are without a place. */
  unplaced?: number
  area: string
  /** The chosen point, -1 for none. */
  chosen?: number
  /** 1 for points that another view points at. */
  lit?: Uint8Array | undefined
  /** onView: what the map shows now, west, south, east, north, once it rests. */
  onView?: (box: readonly [number, number, number, number]) => void
  /** Corners of an area to draw, in order. */
  outline?: readonly { lat: number; lon: number }[]
  /** onSpot: a press where no report stands, for pages that place something. */
  onSpot?: (lat: number, lon: number) => void
}) {
  const { placed, area, chosen = -1, lit, outline } = props
  const say = useSay()
  const { locale, formatNumber } = useIntl()
  const { query } = useRoute()
  const borders = useQuery({ queryKey: ['borders'], queryFn: fetchBorders, staleTime: Infinity })
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [size, setSize] = useState<Size>({ width: 0, height: 0 })
  const [moved, setMoved] = useState<View | null>(null)
  const [hovered, setHovered] = useState<Cluster | null>(null)
  const ink = useInk()

  const view = useMemo(
    () => moved ?? readView(query.map ?? '', size) ?? fit(home, size),
    // The address is read once per size; afterwards the hand leads.
    [moved, size, query.map],
  )
  const shape = useMemo(() => outlineOf(outline ?? []), [outline])
  const level = Math.round(Math.log2(view.k) * 2) / 2
  const within = around(view, size)
  const clusters = useMemo(
    () => (size.width ? cluster(placed, 2 ** level, 46, within) : []),
    // By its numbers: the same rectangle gathers the same.
    [placed, level, size.width, within.w, within.n, within.e, within.s],
  )

  // Handlers outlive a drawing; they read the newest of everything from here.
  const now = useRef({ view, size, clusters })
  now.current = { view, size, clusters }

  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return
      setMoved(null)
      setSize({ width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) })
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  useEffect(() => {
    const element = canvas.current
    if (!element || !size.width || !borders.data) return
    const frame = requestAnimationFrame(() =>
      draw(element, {
        view, size, ink, locale, clusters, hovered, chosen, lit, shape,
        borders: borders.data,
        placed,
        area: area ? areaKey(area) : '',
        number: formatNumber,
      }),
    )
    return () => cancelAnimationFrame(frame)
  }, [view, size, ink, locale, clusters, hovered, chosen, lit, shape, borders.data, placed, area, formatNumber])

  const { onView } = props
  useEffect(() => {
    if (!size.width || !onView) return
    const corner = (x: number, y: number) => base.invert!([(x - view.x) / view.k, (y - view.y) / view.k])!
    const [[w, n], [e, s]] = [corner(0, 0), corner(size.width, size.height)]
    onView([w, s, e, n])
  }, [view, size, onView])

  // The view goes to the address once the hand rests.
  useEffect(() => {
    if (!moved || !size.width) return
    const rest = setTimeout(() => amend({ map: writeView(moved, size) }), 250)
    return () => clearTimeout(rest)
  }, [moved, size])

  const zoom = useCallback((factor: number) => {
    const { view, size } = now.current
    setMoved(zoomAt(view, factor, [size.width / 2, size.height / 2]))
  }, [])
  const shift = useCallback((dx: number, dy: number) => {
    const { view } = now.current
    setMoved({ ...view, x: view.x + dx, y: view.y + dy })
  }, [])
  const reset = useCallback(() => {
    amend({ map: '' })
    setMoved(fit(home, now.current.size))
  }, [])

  const choose = useCallback(
    (found: Cluster) => {
      const { view, size } = now.current
      if (found.count > 1 && !found.stacked && view.k < nearest) {
        const at = [found.x * view.k + view.x, found.y * view.k + view.y] as const
        const next = zoomAt(view, 2.6, at)
        setMoved({ ...next, x: next.x + size.width / 2 - at[0], y: next.y + size.height / 2 - at[1] })
      } else {
        amend({ incident: placed.id(found.members[0]!) })
      }
    },
    [placed],
  )

  const { onSpot } = props
  const spot = useCallback(
    (at: readonly [number, number]) => {
      const { view } = now.current
      const [lon, lat] = base.invert!([(at[0] - view.x) / view.k, (at[1] - view.y) / view.k])!
      onSpot?.(lat, lon)
    },
    [onSpot],
  )

  useHand(box, now, { setMoved, setHovered, choose, spot })

  const keys = (event: React.KeyboardEvent) => {
    const step = 60
    if (event.key === 'ArrowLeft') shift(step, 0)
    else if (event.key === 'ArrowRight') shift(-step, 0)
    else if (event.key === 'ArrowUp') shift(0, step)
    else if (event.key === 'ArrowDown') shift(0, -step)
    else if (event.key === '+' || event.key === '=') zoom(1.6)
    else if (event.key === '-') zoom(1 / 1.6)
    else if (event.key === '0') reset()
    else if (event.key === 'Enter') {
      const { view, size, clusters } = now.current
      const middle = [size.width / 2, size.height / 2] as const
      const near = pick(clusters, view, middle, 120)
      if (near && !onSpot) choose(near)
      else if (onSpot) spot(middle)
    } else return
    event.preventDefault()
  }

  const bar = scaleBar(view, size, 110)
  const unplaced = props.unplaced ?? 0
  return (
    <div className="map">
      {borders.error && <ProblemNote error={borders.error} again={() => void borders.refetch()} />}
      <div
        ref={box}
        className={hovered ? 'map-box map-hot' : 'map-box'}
        role="application"
        tabIndex={0}
        aria-label={say('map.label', { n: placed.x.length })}
        aria-describedby="map-keys"
        onKeyDown={keys}
      >
        <canvas ref={canvas} className="map-canvas" aria-hidden="true" />
      </div>
      <div className="map-tools">
        <Act icon="plus" aria-label={say('map.in')} onPress={() => zoom(1.6)} />
        <Act icon="minus" aria-label={say('map.out')} onPress={() => zoom(1 / 1.6)} />
        <Act icon="frame" aria-label={say('map.reset')} onPress={reset} />
      </div>
      <p className="unseen" id="map-keys">{say('map.keys')}</p>
      <div className="map-foot">
        <ul className="legend">
          <li><span className="key key-dot" aria-hidden="true" />{say('map.key-one')}</li>
          <li><span className="key key-many" aria-hidden="true">12</span>{say('map.key-many')}</li>
          <li><span className="key key-ring" aria-hidden="true" />{say('map.key-radius')}</li>
          {placed.rival && <li><span className="key key-rival" aria-hidden="true" />{say('map.key-rival')}</li>}
          {unplaced > 0 && <li>{say('map.unplaced', { n: unplaced })}</li>}
        </ul>
        <p className="map-scale">
          <span className="map-bar" style={{ inlineSize: bar.width }} aria-hidden="true" />
          <bdi>{say('km', { n: bar.km })}</bdi>
        </p>
        <p className="map-caution">{say('map.caution')}</p>
      </div>
    </div>
  )
}

type Hand = {
  setMoved: (view: View) => void
  setHovered: (found: Cluster | null) => void
  choose: (found: Cluster) => void
  spot: (at: readonly [number, number]) => void
}

/** useHand: drag, pinch, wheel and click. A plain wheel scrolls the page unless
 * the map has the focus, so that nobody is trapped on the way down. */
function useHand(
  box: React.RefObject<HTMLDivElement | null>,
  now: React.RefObject<{ view: View; size: Size; clusters: Cluster[] }>,
  hand: Hand,
) {
  const { setMoved, setHovered, choose, spot } = hand
  useEffect(() => {
    const element = box.current
    if (!element) return
    const down = new Map<number, readonly [number, number]>()
    let travelled = 0
    const at = (event: MouseEvent): readonly [number, number] => {
      const area = element.getBoundingClientRect()
      return [event.clientX - area.x, event.clientY - area.y]
    }
    const press = (event: PointerEvent) => {
      if (event.button !== 0) return
      down.set(event.pointerId, at(event))
      element.setPointerCapture(event.pointerId)
      travelled = 0
    }
    const move = (event: PointerEvent) => {
      const here = at(event)
      const { view, clusters } = now.current
      const before = down.get(event.pointerId)
      if (!before) {
        setHovered(pick(clusters, view, here, 4))
        return
      }
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1]
      const dx = here[0] - before[0]
      const dy = here[1] - before[1]
      travelled += Math.abs(dx) + Math.abs(dy)
      down.set(event.pointerId, here)
      let next = { ...view, x: view.x + dx / down.size, y: view.y + dy / down.size }
      if (other) {
        const was = Math.hypot(before[0] - other[0], before[1] - other[1])
        const is = Math.hypot(here[0] - other[0], here[1] - other[1])
        if (was > 0) next = zoomAt(next, is / was, [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2])
      }
      // Several moves may come between two drawings: each starts from the last.
      now.current = { ...now.current, view: next }
      setMoved(next)
    }
    const release = (event: PointerEvent) => {
      if (!down.delete(event.pointerId) || down.size || travelled > 6) return
      const found = pick(now.current.clusters, now.current.view, at(event), 8)
      if (found) choose(found)
      else spot(at(event))
    }
    const cancel = (event: PointerEvent) => void down.delete(event.pointerId)
    const leave = () => setHovered(null)
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && document.activeElement !== element) return
      event.preventDefault()
      const next = zoomAt(now.current.view, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), at(event))
      now.current = { ...now.current, view: next }
      setMoved(next)
    }
    element.addEventListener('pointerdown', press)
    element.addEventListener('pointermove', move)
    element.addEventListener('pointerup', release)
    element.addEventListener('pointercancel', cancel)
    element.addEventListener('pointerleave', leave)
    element.addEventListener('wheel', wheel, { passive: false })
    return () => {
      element.removeEventListener('pointerdown', press)
      element.removeEventListener('pointermove', move)
      element.removeEventListener('pointerup', release)
      element.removeEventListener('pointercancel', cancel)
      element.removeEventListener('pointerleave', leave)
      element.removeEventListener('wheel', wheel)
    }
  }, [box, now, setMoved, setHovered, choose, spot])
}

