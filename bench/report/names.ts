import type { LoginCosts } from '../compare/figures.ts'
import type { ProviderKind } from '../compare/people.ts'

/** In the order of the tables. */
const SERVER_NAMES: Record<string, string> = {
  signet: 'Signet',
  limit: 'the limit',
  bare: 'bare Fastify',
  passport: 'passport',
  'better-auth': 'better-auth',
  'flask-authlib': 'Flask + Authlib'
}

export const OPERATION_NAMES: Record<string, string> = {
  check: 'session check',
  login: 'complete login',
  refresh: 'refresh',
  exchange: 'code exchange',
  mix: 'mix'
}

export const KIND_NAMES: Record<ProviderKind, string> = { oauth: 'OAuth', openid: 'OpenID' }

export const STATE_NAMES: Record<keyof LoginCosts, string> = {
  cold: 'login, cold',
  warm: 'login, warm',
  signUp: 'sign-up'
}

export const serverName = (server: string): string => SERVER_NAMES[server] ?? server

/** What belongs to each server, in the order of the names above. */
export function byServer<Value> (values: Record<string, Value>): [server: string, value: Value][] {
  return Object.keys(SERVER_NAMES).flatMap((server) => {
    const value = values[server]
    return value === undefined ? [] : [[server, value] as [string, Value]]
  })
}
