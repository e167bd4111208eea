import type http from 'node:http'
import type { AgentOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent'

type AgentConstructor = new (options: AgentOptions) => http.Agent
type CreateConnection = http.Agent['createConnection']
type ConnectionOptions = Parameters<CreateConnection>[0]
type OnConnection = Parameters<CreateConnection>[1]

/** The proxy made no tunnel. `code` says why: PROXY_407 for its status, PROXY_ECONNREFUSED where there was none. */
export class ProxyError extends Error {
  readonly code: string

  constructor ({ message, code }: NodeJS.ErrnoException) {
    const [, status] = /^Bad response: (\d{3})$/.exec(message) ?? []
    super('The forward proxy made no connection.')
    this.code = `PROXY_${status ?? code ?? 'TIMEOUT'}`
  }
}

/**
 * Agents that connect through a forward proxy, by CONNECT for http and https alike. `connectTimeoutMs` covers the
 * answer of the proxy.
 */
export function tunnelAgents (
  proxy: URL, connectTimeoutMs: () => number
): { http: AgentConstructor, https: AgentConstructor } {
  const inTunnel = (options: ConnectionOptions): ConnectionOptions => {
    const host = options.host ?? ''
    return { ...options, host: isIPv6(host) ? `[${host}]` : host, timeout: connectTimeoutMs() }
  }
  const told = (onConnection: OnConnection): OnConnection => (error, socket) =>
    onConnection?.(error && new ProxyError(error), socket)

  return {
    http: class extends HttpProxyAgent {
      constructor (options: AgentOptions) {
        super({ ...options, proxy })
      }

      override createConnection (options: ConnectionOptions, onConnection: OnConnection) {
        return super.createConnection(inTunnel(options), told(onConnection))
      }
    },
    https: class extends HttpsProxyAgent {
      constructor (options: AgentOptions) {
        super({ ...options, proxy })
      }

      override createConnection (options: ConnectionOptions, onConnection: OnConnection) {
        return super.createConnection(inTunnel(options), told(onConnection))
      }
    }
  }
}
