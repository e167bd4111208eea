import type { FastifyRequest } from 'fastify'
import { clientAddress } from './client-address.ts'

/** Where a request came from, for sessions and audit events. */
export interface Caller {
  ipAddress: string
  userAgent: string | null
  requestId: string
  /** The client whose access token the request carried. */
  clientId: string | null
}

/** The caller as a request shows it. */
export function callerOf (request: FastifyRequest): Caller {
  const { id, bearer, headers } = request
  return {
    ipAddress: clientAddress(request),
    userAgent: headers['user-agent']?.slice(0, 500) ?? null,
    requestId: id,
    clientId: (bearer as typeof bearer | null)?.client_id ?? null
  }
}
