// Outline icons on a 20-unit grid; decoration only, text stands beside each.
const paths = {
  overview: 'M3 10a7 7 0 1 0 14 0 7 7 0 0 0-14 0Zm7-4v4l3 2',
  watch: 'M3 16h14M4 13l3.5-5 3 3L16 4M12.5 4H16v3.5',
  fusion: 'M4 4h3c3 0 3 6 6 6h3M4 16h3c3 0 3-6 6-6M13.5 7.5 16 10l-2.5 2.5',
  inbox: 'M3 11h4l1.5 2.5h3L13 11h4M3 11v5h14v-5l-2.5-7h-9Z',
  library: 'M4 3v14M7.5 3v14M11 3.2l1.8-.4 3 13.8-1.8.4Z',
  release: 'M4 16V5h7v3M11 5l3 3h-3M9 14h8M14 11l3 3-3 3',
  ask: 'M8.5 14a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM12.5 12.5 17 17M6.8 7a1.8 1.8 0 1 1 2.4 1.7c-.5.2-.7.5-.7 1M8.5 11.3v.4',
  deconflict: 'M12.5 10a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0ZM16.5 10a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0Z',
  operations: 'M3 16c0-3 2-5 4.5-5s4.5 2 4.5 5M7.5 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM13 11c2.3 0 4 2 4 5M13 8.5a2.2 2.2 0 1 0 0-4.4',
  accords: 'M5 3h7l4 4v10H5Zm7 0v4h4M8 11h5M8 14h5',
  ledger: 'M4 4h12M4 8h12M4 12h7M4 16h7M14 13.5l1.7 1.8 2.8-3.3',
  out: 'M8 4H4v12h4M9 10h8M14 7l3 3-3 3',
  warn: 'M10 3 18 17H2ZM10 8v4M10 14.2v.6',
  lull: 'M3 10c2-4 3-4 4.7 0S10.5 14 12 10h5',
  download: 'M10 3v9M6.5 9l3.5 3.5L13.5 9M4 16h12',
  plus: 'M10 4v12M4 10h12',
  minus: 'M4 10h12',
  frame: 'M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4',
  close: 'M5 5l10 10M15 5 5 15',
  request: 'M10 17a7 7 0 1 0-7-7c0 1.3.3 2.5.9 3.6L3 17l3.4-.9A7 7 0 0 0 10 17ZM8.2 8a1.9 1.9 0 1 1 2.6 1.8c-.5.2-.8.6-.8 1.2M10 13.2v.5',
  play: 'M6 4v12l10-6Z',
  situation: 'M10 17s5-4.6 5-8.8A5 5 0 0 0 5 8.2C5 12.4 10 17 10 17ZM10 10a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6',
  pause: 'M7 4v12M13 4v12',
  check: 'M4 10.5 8.2 15 16 5.5',
  oversight: 'M2.5 10c2-3.6 4.6-5.4 7.5-5.4s5.5 1.8 7.5 5.4c-2 3.6-4.6 5.4-7.5 5.4S4.5 13.6 2.5 10ZM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4',
  admin: 'M4 6h7M15 6h1M4 14h1M9 14h7M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4',
  person: 'M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM3.8 17c.6-3.4 3-5 6.2-5s5.6 1.6 6.2 5',
  lock: 'M5 9h10v8H5ZM7 9V6.5a3 3 0 0 1 6 0V9',
  back: 'M12 4l-6 6 6 6',
} as const

export type IconName = keyof typeof paths

export function Icon(props: { name: IconName; size?: number; flip?: boolean }) {
  const size = props.size ?? 18
  return (
    <svg
      className={props.flip ? 'icon flips' : 'icon'}
      viewBox="0 0 20 20"
      width={size}
      height={size}
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={paths[props.name]} />
    </svg>
  )
}
