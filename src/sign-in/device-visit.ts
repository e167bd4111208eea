import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CookiePolicy } from '../http/cookies.ts'
import type { Sealer } from '../vault/sealing.ts'

/** How far a browser has got with a device's code: typed, then signed in. Sealed into a cookie of ten minutes. */
export interface DeviceVisit {
  deviceCodeHash: string
  userCode: string
  clientId: string
  scope: string
  resources?: string[]
  /** Of the person who has signed in and not yet confirmed. */
  sessionId?: string
  userName?: string | null
}

const CONTEXT = 'device-visit'

export function writeDeviceVisit (
  reply: FastifyReply,
  sealer: Sealer,
  cookies: CookiePolicy,
  visit: DeviceVisit
): void {
  const sealed = sealer.seal(JSON.stringify({ ...visit, at: Date.now() }), CONTEXT)
  reply.setCookie(cookies.deviceVisitName, sealed, cookies.deviceVisit)
}

export function readDeviceVisit (
  request: FastifyRequest,
  sealer: Sealer,
  cookies: CookiePolicy
): DeviceVisit | undefined {
  const opened = sealer.open(request.cookies[cookies.deviceVisitName] ?? '', CONTEXT)
  if (opened === undefined) return undefined
  const { at, ...visit } = JSON.parse(opened) as DeviceVisit & { at: number }
  return Date.now() - at <= (cookies.deviceVisit.maxAge ?? 0) * 1000 ? visit : undefined
}
