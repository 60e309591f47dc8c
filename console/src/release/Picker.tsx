import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { found } from '../api/queries'
import { useSay, useTerm } from '../i18n'
import { Asked, Day, Empty, Marking } from '../parts'
import { useSettled } from '../parts/useSettled'

/** Picker chooses objects of our own by searching for them. */
export function Picker(props: { chosen: readonly string[]; onChange: (chosen: string[]) => void }) {
  const say = useSay()
  const term = useTerm()
  const [text, setText] = useState('')
  const sought = useSettled(text.trim())
  const asked = useQuery(found({ q: [...sought].length < 3 ? '' : sought, party: 'own', limit: 20 }))
  const { chosen } = props
  const toggle = (id: string, on: boolean) => props.onChange(on ? [...chosen, id] : chosen.filter((c) => c !== id))
  return (
    <div className="picker">
      <label className="choice">
        <span className="label">{say('release.find')}</span>
        <input type="search" value={text} dir="auto" placeholder={say('release.find-hint')} onChange={(event) => setText(event.target.value)} />
      </label>
      <Asked of={asked}>
        {(data) =>
          data.objects.length ? (
            <ul className="picks" aria-label={say('release.own-objects')}>
              {data.objects.map((one) => (
                <li key={one.id}>
                  <label className="pick">
                    <input type="checkbox" checked={chosen.includes(one.id)} onChange={(event) => toggle(one.id, event.target.checked)} />
                    <span><bdi>{one.title}</bdi></span>
                    <span className="quiet">{term('type', one.type)} · <Day at={one.version.slice(0, 10)} /></span>
                    <Marking label={one.marking} />
                  </label>
                </li>
              ))}
            </ul>
          ) : (
            <Empty title={say('release.none-found')}>{say('release.none-found-note')}</Empty>
          )
        }
      </Asked>
    </div>
  )
}
