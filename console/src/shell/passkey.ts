// Passkeys in the browser: the node asks, the authenticator answers, the node checks.
import { call } from '../api/client'
import type { Me, Session } from '../api/types'

/** Aborted: the person chose no passkey, or their device has none. */
export class Aborted extends Error {}

type Asked<T> = { publicKey: T }

/** passkeysWork tells whether passkeys are possible at this address; `origin`
 * is where the node says that they are. */
export const passkeysWork = (origin: string) =>
  origin === location.origin && 'PublicKeyCredential' in globalThis && 'parseRequestOptionsFromJSON' in PublicKeyCredential

async function answer(ask: () => Promise<Credential | null>): Promise<unknown> {
  const made = await ask().catch(() => null)
  if (!(made instanceof PublicKeyCredential)) throw new Aborted()
  return made.toJSON()
}

export async function enterByPasskey(): Promise<Session> {
  const { publicKey } = await call<Asked<PublicKeyCredentialRequestOptionsJSON>>('POST', '/session/passkey/begin')
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey)
  const body = await answer(() => navigator.credentials.get({ publicKey: options }))
  return call<Session>('POST', '/session/passkey', { body })
}

export async function addPasskey(name: string): Promise<Me> {
  const { publicKey } = await call<Asked<PublicKeyCredentialCreationOptionsJSON>>('POST', '/me/passkeys/begin')
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
  const body = await answer(() => navigator.credentials.create({ publicKey: options }))
  return call<Me>('POST', `/me/passkeys?${new URLSearchParams({ name })}`, { body })
}
