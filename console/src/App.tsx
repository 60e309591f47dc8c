import { useQuery } from '@tanstack/react-query'
import { session } from './api/queries'
import { Loading, ProblemNote } from './parts'
import { Shell } from './shell/Shell'
import { SignIn } from './shell/SignIn'

export function App(props: { token: string }) {
  const asked = useQuery(session)
  if (asked.data) return <Shell session={asked.data} />
  if (asked.data === null || props.token) return <SignIn token={props.token} />
  return (
    <main className="alone">
      {asked.error ? <ProblemNote error={asked.error} again={() => void asked.refetch()} /> : <Loading />}
    </main>
  )
}
