import { useEffect, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { forget, session } from './api/queries'
import type { Session } from './api/types'
import { Loading, ProblemNote } from './parts'
import { takeSetup, takeToken } from './route'
import { Shell } from './shell/Shell'
import { unlocked } from './shell/locked'
import { SetUp, SignIn } from './shell/SignIn'

/** App shows the console to who has a session, and the sign-in to who has not.
 * A link opened in a window that is already open signs in there, too. */
export function App(props: { token: string; setup: string }) {
  const [token, setToken] = useState(props.token)
  const [setup, setSetup] = useState(props.setup)
  const asked = useQuery({ ...session, enabled: token === '' && setup === '' })
  useEffect(() => {
    const look = () => {
      const found = takeToken()
      if (found) setToken(found)
      const begun = takeSetup()
      if (begun) setSetup(begun)
    }
    addEventListener('hashchange', look)
    return () => removeEventListener('hashchange', look)
  }, [])
  const enter = (opened: Session) => {
    unlocked()
    forget(opened)
    setToken('')
    setSetup('')
  }
  if (setup) return <SetUp token={setup} onEnter={enter} />
  if (token || asked.data === null) return <SignIn key={token} token={token} onEnter={enter} />
  if (asked.data) return <Shell session={asked.data} />
  return (
    <main className="alone">
      {asked.error ? <ProblemNote error={asked.error} again={() => void asked.refetch()} /> : <Loading />}
    </main>
  )
}
