import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https, { type AgentOptions } from 'node:https'
import { proxyFor } from '../http/forward-proxy.ts'
import { tunnelAgents } from '../http/tunnel.ts'

declare module 'http' {
  interface Agent {
    /** Called once for every request. Not in Node's documentation: test/providers/seams.test.ts pins it. */
    addRequest (request: ClientRequest, options: RequestOptions): void
  }
}

/** `timeoutMs` covers one call, from the request to the last byte of its answer (SEC-85). Only tests change it. */
export const callLimits = { timeoutMs: 5_000 }
/** Idle connections are closed before a provider is likely to close them. */
const IDLE_MS = 4_000
/** How long one address of a host may take to connect. Node's 250 ms give up on a slow IPv4 (nodejs/node#54359). */
const CONNECT_ATTEMPT_MS = 2_000
/** The size limit of a response's headers: Node's 16 KiB are less than some providers send. */
const MAX_HEADER_BYTES = 64 * 1024
/** How long a host that has reset an idle connection gets a fresh one for each single-use request. */
const FRESH_CONNECTIONS_MS = 60 * 60 * 1000

/** One request to a provider and what became of it. */
export interface Exchange {
  /** Ends the request when it aborts. */
  signal: AbortSignal | undefined
  /** The time limit has passed, or the signal has aborted. */
  isLate: boolean
  /** The response, once its head has arrived. */
  response: IncomingMessage | undefined
  /** Asks for a connection of its own. */
  needsFreshConnection?: boolean
}

/** That of the call that is being made now. */
let currentExchange: Exchange | undefined

/**
 * Runs `work`, which makes one request through an agent of this file before it first waits: the agent fills in
 * `exchange`. An AsyncLocalStorage would do the same, and before Node 24 slow down every promise of the process.
 */
export function runExchange<Result> (exchange: Exchange, work: () => Promise<Result>): Promise<Result> {
  currentExchange = exchange
  try {
    return work()
  } finally {
    currentExchange = undefined
  }
}

/** The agent of all calls to a provider's URL, ours and those that @fastify/oauth2 makes. */
export function agentFor (url: URL): http.Agent {
  const proxy = proxyFor(url)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const key = `${scheme} ${proxy?.href ?? ''}`
  const agent = agents.get(key) ?? createProviderAgent(proxy ? tunnelAgents(proxy, timeLimit)[scheme] : DIRECT[scheme])
  agents.set(key, agent)
  return agent
}

const agents = new Map<string, http.Agent>()
const DIRECT = { http: http.Agent, https: https.Agent }
const timeLimit = () => callLimits.timeoutMs

type AgentConstructor = new (options: AgentOptions) => http.Agent

/**
 * Keeps connections alive, and holds each request to the time limit and the signal of its exchange. A request that is
 * given up closes its connection. Single-use requests (codes, refresh tokens) are never sent twice, so they get a fresh
 * connection for an hour after the host has reset an idle one.
 */
function createProviderAgent (Agent: AgentConstructor): http.Agent {
  const connect = { autoSelectFamilyAttemptTimeout: CONNECT_ATTEMPT_MS }
  const freshConnections = new Agent({ ...connect, keepAlive: false })
  const resetAt = new Map<string, number>()

  class ProviderAgent extends Agent {
    /** simple-oauth2 clones its options by @hapi/hoek, which leaves an object alone whose prototype says this. */
    get isImmutable (): boolean {
      return true
    }

    override addRequest (request: ClientRequest, options: RequestOptions): void {
      limit(request)
      const host = this.getName(options)
      request.once('error', (error) => { if (isIdleReset(request, error)) resetAt.set(host, Date.now()) })
      const isSingleUse = request.method !== 'GET'
      const needsFresh = currentExchange?.needsFreshConnection ?? (isSingleUse && hasResetLately(host))
      if (!needsFresh) return super.addRequest(request, options)
      request.shouldKeepAlive = false
      freshConnections.addRequest(request, options)
    }
  }

  function hasResetLately (host: string): boolean {
    return Date.now() - (resetAt.get(host) ?? -Infinity) < FRESH_CONNECTIONS_MS
  }

  return new ProviderAgent({ ...connect, keepAlive: true, timeout: IDLE_MS })
}

/** Whether the host had closed the idle connection on which the request was sent, so that it did not read it. */
export function isIdleReset (request: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return request.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '')
}

function limit (request: ClientRequest): void {
  // An option of http.request, which simple-oauth2 does not pass on. Node reads it when the request gets its socket.
  Object.assign(request, { maxHeaderSize: MAX_HEADER_BYTES })
  const exchange = currentExchange
  const giveUp = () => {
    if (exchange) exchange.isLate = true
    request.destroy(new Error('The call took too long.'))
  }
  const timer = setTimeout(giveUp, callLimits.timeoutMs)
  exchange?.signal?.addEventListener('abort', giveUp, { once: true })
  request.once('response', (response) => { if (exchange) exchange.response = response })
  request.once('close', () => {
    clearTimeout(timer)
    exchange?.signal?.removeEventListener('abort', giveUp)
  })
}
