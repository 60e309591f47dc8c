import { useEffect, useRef } from 'react'
import cytoscape from 'cytoscape'
import { useQueries } from '@tanstack/react-query'
import { versions } from '../api/queries'
import { useSay } from '../i18n'
import { go } from '../route'
import { useInk } from '../map/ink'
import type { Tie } from './neighbours'

/** Graph draws an object and what hangs together with it; a press on another
 * object goes there. The list beside it says the same for keyboard and reader. */
export default function Graph(props: { centre: string; ties: Tie[] }) {
  const { centre, ties } = props
  const say = useSay()
  const box = useRef<HTMLDivElement>(null)
  const ink = useInk()
  const ids = [...new Set([centre, ...ties.map((t) => t.other)])]
  const known = new Map(ties.filter((t) => t.title !== t.other).map((t) => [t.other, t.title]))
  const names = useQueries({ queries: ids.map((id) => versions(id)), combine: (all) => all.map((one, i) => one.data?.versions[0]?.title ?? known.get(ids[i]!) ?? ids[i]!.split('--')[0]!).join('\n') })
  const drawn = JSON.stringify([ids, ties.map((t) => [t.from, t.what, t.to]), names])
  useEffect(() => {
    if (!box.current) return
    const [nodes, edges, titles] = JSON.parse(drawn) as [string[], [string, string, string][], string]
    const short = titles.split('\n').map((t) => (t.length > 34 ? t.slice(0, 33) + '…' : t))
    const graph = cytoscape({
      container: box.current,
      elements: [
        ...nodes.map((id, i) => ({ data: { id, name: short[i], centre: id === centre ? 1 : 0 } })),
        ...edges.map(([source, what, target], i) => ({ data: { id: `tie-${i}`, source, target, what: what.replaceAll('_', ' ') } })),
      ],
      style: [
        { selector: 'node', style: { label: 'data(name)', 'background-color': ink.mark, color: ink.label, 'text-outline-color': ink.land, 'text-outline-width': 2, 'font-size': 11, 'font-family': ink.font, 'text-valign': 'bottom', 'text-margin-y': 4, width: 18, height: 18 } },
        { selector: 'node[centre = 1]', style: { width: 28, height: 28, 'font-weight': 'bold' } },
        { selector: 'edge', style: { label: 'data(what)', width: 1.3, 'line-color': ink.border, 'target-arrow-color': ink.border, 'target-arrow-shape': 'triangle', 'curve-style': 'bezier', color: ink.label, 'font-size': 9, 'font-family': ink.font, 'text-outline-color': ink.land, 'text-outline-width': 2 } },
      ],
      layout: { name: 'concentric', concentric: (node) => node.data('centre') as number, levelWidth: () => 1, minNodeSpacing: 46, animate: false },
      minZoom: 0.3,
      maxZoom: 3,
      userZoomingEnabled: false,
    })
    graph.on('tap', 'node', (event) => {
      const id = (event.target as { id: () => string }).id()
      if (id !== centre) go({ page: 'library', id })
    })
    return () => graph.destroy()
  }, [drawn, centre, ink])
  return (
    <>
      {/* Under this id the library looks for its style sheet, which the page's policy would refuse; ours has what it needs. */}
      <span id="__________cytoscape_stylesheet" hidden />
      <div ref={box} className="graph" role="img" aria-label={say('ties.picture', { n: ids.length - 1 })} />
    </>
  )
}
