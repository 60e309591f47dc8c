// A real OpenID Connect provider, as a process of its own: the certified library
// oidc-provider with a bare sign-in form that believes whoever types a name.
//
//   node test/provider.mjs PORT REDIRECT-URI
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const [port, redirect] = process.argv.slice(2)
const issuer = `http://localhost:${port}`

const provider = new Provider(issuer, {
  clients: [{ client_id: 'parley', client_secret: 'a-secret-of-the-test', redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'] }],
  pkce: { required: () => true },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
  conformIdTokenClaims: false, // claims stand in the ID token
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['a key of the test'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id.replace(/^other-/, '')}@north.example`, email_verified: !id.startsWith('unverified'), preferred_username: id }),
  }),
  // Everybody consents: what is tested is the other side.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

const answer = provider.callback()
createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response)
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html')
    return response.end('<!doctype html><title>Ministry</title><form method="post"><label>User <input name="login"></label><button>Go</button></form>')
  }
  const parts = []
  for await (const part of request) parts.push(part)
  const login = new URLSearchParams(Buffer.concat(parts).toString()).get('login')
  return provider.interactionFinished(request, response, { login: { accountId: login } })
}).listen(Number(port), '127.0.0.1', () => console.log(`serving ${issuer}`))
