import type { Mark } from './mark'

// A different outline for each party, so that colour is never the only sign:
// a peak, a split diamond, a ring in a hexagon, a plain square.
const shapes: Record<Mark, string> = {
  north: 'M12 2 22 21H2Z M12 9.2 7.4 18h9.2Z',
  south: 'M12 1 22.5 11H1.5Z M1.5 13.5h21L12 23Z',
  guarantor: 'M12 1.5 21.2 6.75v10.5L12 22.5 2.8 17.25V6.75Z M12 7.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6Z',
  other: 'M3 3h18v18H3Z M8 8v8h8V8Z',
}

/** Emblem is decoration: the party's name always stands beside it. */
export function Emblem(props: { mark: Mark; size?: number }) {
  const size = props.size ?? 16
  return (
    <svg className={`emblem mark-${props.mark}`} viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path fillRule="evenodd" d={shapes[props.mark]} />
    </svg>
  )
}
