import type { FastifyRequest } from 'fastify'
import { clientAddress } from './client-address.ts'

/** The origin of a request, for sessions and audit events. */
export interface Caller {
  ipAddress: string
  userAgent: string | null
  requestId: string
  /** The client whose access token the request carries. */
  clientId: string | null
  /** The session of that access token. */
  sessionId?: string | undefined
}

export function callerOf (request: FastifyRequest): Caller {
  const { id, bearer, headers } = request
  const claims: typeof bearer | null = bearer // Null on routes that do not require a token.
  return {
    ipAddress: clientAddress(request),
    userAgent: headers['user-agent']?.slice(0, 500) ?? null,
    requestId: id,
    clientId: claims?.client_id ?? null,
    sessionId: claims?.sid
  }
}
