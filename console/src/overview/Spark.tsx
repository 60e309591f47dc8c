/** Spark: a year of weeks without scales; the chart and its table have them. */
export function Spark(props: { counts: (number | null)[] }) {
  const counts = props.counts
  const most = Math.max(1, ...counts.map((c) => c ?? 0))
  return (
    <svg className="spark" viewBox={`0 0 ${counts.length * 2} 20`} preserveAspectRatio="none" aria-hidden="true">
      {counts.map((count, i) =>
        count ? (
          <rect key={i} x={i * 2} width="1.5" y={20 - (18 * count) / most - 2} height={(18 * count) / most + 2} />
        ) : (
          <rect key={i} className="spark-none" x={i * 2} width="1.5" y="19" height="1" />
        ),
      )}
    </svg>
  )
}
