import type { FastifyRequest } from 'fastify'
import { joinDevice, readDevice } from '../sessions/device.ts'

/** The device behind a User-Agent, in the language of the page. Null when the header does not say. */
export function deviceName ({ pageTexts }: FastifyRequest, userAgent: string | null): string | null {
  return joinDevice(readDevice(userAgent), pageTexts.account.sessions.device)
}
