import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyReply } from 'fastify'
import type { Test } from 'tap'
import { createClients, type Client, type ThirdPartyClients } from '../../src/clients/clients.ts'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { OAuthError, type Problem } from '../../src/http/errors.ts'
import { sendProblem } from '../../src/http/problem-details.ts'

const lifetimes = { attemptSeconds: 600, refreshTokenSeconds: 3600, sessionSeconds: 3600 }
export const cookies = createCookiePolicy('https://id', lifetimes)

/** Makes the name of a method into a function that records its calls and returns, or throws, the result. */
export function createRecorder () {
  const calls: unknown[][] = []
  const record = (name: string, result?: unknown) => async (...values: unknown[]) => {
    calls.push([name, ...values])
    if (result instanceof Error) throw result
    return result
  }
  return { calls, record }
}

const AGENT: Client = {
  clientId: 'agent',
  name: 'The agent',
  redirectUris: ['https://agent/cb'],
  postLogoutRedirectUris: [],
  secretHash: undefined,
  metadata: {},
  thirdParty: { host: 'agent.example.com', fingerprint: 'f' }
}

/** The client `agent` is a third party; to look another one up fails. */
const thirdParties: ThirdPartyClients = {
  isId: (clientId) => ['agent', 'unreadable', 'broken'].includes(clientId),
  async find (clientId) {
    if (clientId === 'unreadable') throw new OAuthError('invalid_client', 'The document cannot be read.')
    if (clientId === 'broken') throw new Error('a secret')
    return AGENT
  }
}

/** An app with what the routes of browsers need, and with the clients `spa`, `native` and `agent`. */
export async function createPagesApp (t: Test) {
  const app = Fastify({ genReqId: () => 'req' })
  t.teardown(() => app.close())
  app.decorate('brand', { name: 'The service', iconUrl: 'https://id/favicon.ico' })
  app.decorateReply('problem', function (this: FastifyReply, problem: Problem, extra?: object) {
    return sendProblem('https://id', this.request, this, problem, extra)
  })
  await app.register(cookie)
  await app.register(formbody)
  const clients = createClients(
    [
      {
        client_id: 'spa',
        name: 'The app',
        redirect_uris: ['https://app/cb'],
        post_logout_redirect_uris: ['https://app/bye?x=1']
      },
      { client_id: 'native', name: 'The native app', redirect_uris: ['com.example.app:/cb'] }
    ] as never,
    { find: async () => undefined, wantsRs256: async () => false },
    undefined,
    thirdParties
  )
  return { app, clients }
}
