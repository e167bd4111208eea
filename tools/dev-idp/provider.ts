import { randomUUID } from 'node:crypto'
import { once, type EventEmitter } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'
import type { errors, Provider } from 'oidc-provider'
import { configure, type DevClient } from './configuration.ts'
import { loadOidcProvider } from './load-oidc-provider.ts'
import {
  eventSender, misbehavingTokenEndpoint, offlineAccessWithoutPrompt, personaInteraction, plainPages
} from './middleware.ts'
import type { Persona } from './personas.ts'

export type { DevClient } from './configuration.ts'

/** The client of `npm run dev`, `npm run demo` and the docker compose service. Its secret is public, on purpose. */
export const DEV_CLIENT = { client_id: 'signet-dev', client_secret: 'signet-dev-secret' } as const

const DEV_ONLY = 'The development identity provider lets anyone be anyone: it does not start with NODE_ENV=production.'

export interface DevIdpOptions {
  clients: DevClient[]
  /** 127.0.0.1 by default. */
  host?: string
  /** 0, the default, takes any free port. */
  port?: number
  /** `http://localhost:<port>` by default. An origin, without a path. */
  issuer?: string
  /** How long the token endpoint takes for the persona `slow`: 8000 by default. */
  slowMilliseconds?: number
  /** Called with one line for every request, sign-in and refusal, without secrets. */
  onLog?: (line: string) => void
}

export interface Call {
  method: string
  path: string
  status: number
}

export interface DevIdp {
  issuer: string
  /** The requests answered so far, oldest first; only the last thousand are kept. `/healthz` is not counted. */
  calls: readonly Call[]
  /** Stops listening and closes all connections. */
  close: () => Promise<void>
}

/**
 * Starts a certified OpenID provider that asks for a persona instead of a password. All it knows is in memory and is
 * gone after `close`. Rejects with NODE_ENV=production, when the port is taken, and when a client is not a valid one.
 */
export async function startDevIdp ({
  host = '127.0.0.1',
  port = 0,
  slowMilliseconds = 8000,
  onLog = () => {},
  ...options
}: DevIdpOptions): Promise<DevIdp> {
  if (process.env.NODE_ENV === 'production') throw new Error(DEV_ONLY)
  if (options.issuer !== undefined && !isOrigin(options.issuer)) {
    throw new Error(
      'The issuer of the development identity provider must be an origin like http://localhost:4400, not ' +
        options.issuer
    )
  }

  const { Provider, interactionPolicy } = await loadOidcProvider()
  const emails = changingEmails()
  const configuration = await configure({ clients: options.clients, emailOf: emails.of, policy: interactionPolicy })
  const server = await listen(host, port)
  try {
    const issuer = options.issuer ?? `http://localhost:${(server.address() as AddressInfo).port}`
    const provider = new Provider(issuer, configuration)
    for (const client of options.clients) await validate(provider, client)
    const closing = new AbortController()
    const calls: Call[] = []

    provider.use(plainPages(provider))
    provider.use(recordCalls(calls, onLog))
    provider.use(misbehavingTokenEndpoint(slowMilliseconds, closing.signal))
    provider.use(offlineAccessWithoutPrompt)
    const [client] = options.clients
    const key = configuration.jwks?.keys[0] as JWK
    if (client) provider.use(eventSender(issuer, key, client))
    provider.use(
      personaInteraction(provider, (persona, clientId) => {
        if (persona.newEmailEachLogin) emails.change(persona)
        onLog(`${persona.name} (${persona.id}) ${persona.refuses ? 'declines to sign in' : 'signs in'} at ${clientId}`)
      })
    )
    logErrors(provider, onLog)
    server.on('request', provider.callback())

    return {
      issuer,
      calls,
      async close () {
        if (!server.listening) return
        closing.abort()
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      }
    }
  } catch (error) {
    server.close()
    throw error
  }
}

function isOrigin (url: string): boolean {
  return URL.canParse(url) && new URL(url).origin === url
}

async function listen (host: string, port: number): Promise<Server> {
  const server = createServer()
  server.listen(port, host)
  await once(server, 'listening')
  return server
}

/** oidc-provider looks at a client when it is first needed. A mistake in one had better stop the start. */
async function validate (provider: Provider, { client_id: clientId }: DevClient) {
  try {
    await provider.Client.find(clientId)
  } catch (error) {
    throw new Error(`Client ${clientId}: ${(error as errors.OIDCProviderError).error_description}`, { cause: error })
  }
}

/** For personas with a new email at each login. Userinfo tells the latest, as a real provider does. */
function changingEmails () {
  const latest = new Map<string, string>()
  return {
    of: (persona: Persona) => latest.get(persona.id) ?? persona.email,
    change: (persona: Persona) => latest.set(persona.id, `${persona.id}-${randomUUID().slice(0, 8)}@example.com`)
  }
}

function recordCalls (calls: Call[], onLog: (line: string) => void): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    try {
      await next()
    } finally {
      const { method, path, status } = ctx
      calls.push({ method, path, status })
      if (calls.length > 1000) calls.shift()
      onLog(`${method} ${path} ${status}`)
    }
  }
}

/** oidc-provider tells the whole reason of a refusal in an event only. */
function logErrors (provider: EventEmitter, onLog: (line: string) => void) {
  for (const event of [
    'authorization.error',
    'grant.error',
    'userinfo.error',
    'introspection.error',
    'revocation.error',
    'server_error'
  ]) {
    provider.on(event, (_, error: Error & { error_description?: string, error_detail?: string }) => {
      onLog([event, error.message, error.error_description, error.error_detail].filter(Boolean).join(': '))
    })
  }
  provider.on('error', (error: Error) => onLog(`error: ${error.message}`))
}
