import { useState, type FormEvent } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { useSay } from '../i18n'
import { Act, Asked, Empty, Moment, Panel, ProblemNote } from '../parts'
import { feeds } from './queries'

export function Feeds() {
  const say = useSay()
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [url, setUrl] = useState('')
  const [kind, setKind] = useState('taxii')
  const act = useMutation({
    mutationFn: ({ method, path, body }: { method: 'POST' | 'DELETE'; path: string; body?: unknown }) => call(method, path, { body }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['feeds'] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    act.mutate({ method: 'POST', path: '/feeds', body: { name: name.trim(), url: url.trim(), kind } }, { onSuccess: () => { setName(''); setUrl('') } })
  }
  return (
    <Panel id="feeds" title={say('feeds.title')}>
      <Asked of={useQuery(feeds)}>
        {(data) =>
          !data.feeds?.length ? (
            <Empty title={say('feeds.none')}>{say('feeds.none-note')}</Empty>
          ) : (
            <ul className="rows">
              {data.feeds.map((one) => (
                <li key={one.name}>
                  <strong><bdi>{one.name}</bdi></strong>
                  <span className="quiet" dir="ltr">{one.url}</span>
                  <span>{say('feeds.last')} <Moment at={one.last_run} absent="never" /></span>
                  <span>{say('feeds.counts', { taken: one.taken, refused: one.refused_total })}</span>
                  {one.error && <bdi className="nobody">{one.error}</bdi>}
                  <span className="acts end">
                    <Act isDisabled={act.isPending} onPress={() => act.mutate({ method: 'POST', path: `/feeds/${encodeURIComponent(one.name)}/run` })}>{say('feeds.run')}</Act>
                    <Act isDisabled={act.isPending} onPress={() => act.mutate({ method: 'DELETE', path: `/feeds/${encodeURIComponent(one.name)}` })}>{say('me.remove')}</Act>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Asked>
      {act.error && <ProblemNote error={act.error} />}
      <form className="line-form" onSubmit={submit}>
        <label><span className="label">{say('sign-in.name')}</span><input required value={name} onChange={(event) => setName(event.target.value)} /></label>
        <label><span className="label">{say('feeds.url')}</span><input type="url" dir="ltr" required value={url} onChange={(event) => setUrl(event.target.value)} /></label>
        <label><span className="label">{say('feeds.kind')}</span>
          <select value={kind} onChange={(event) => setKind(event.target.value)}><option value="taxii">TAXII</option><option value="misp">MISP</option></select>
        </label>
        <Act type="submit" isDisabled={act.isPending}>{say('feeds.add')}</Act>
      </form>
    </Panel>
  )
}
