import type { JWTVerifyGetKey } from 'jose'
import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'
import { isAllowedEndpoint } from './discovery.ts'
import { providerError } from './failure.ts'
import { acceptJson, callProvider } from './http.ts'
import { createIssuerKeys, verifyEventToken } from './id-token.ts'
import type { ProviderSettings, VerifyEvent } from './provider.ts'

const FRESH_MS = 60 * 60 * 1000

/**
 * Verifies security event tokens by Google's RISC configuration, read when the first one comes and then every hour:
 * https://developers.google.com/identity/protocols/risc. An issuer without one, or whose keys the settings name, signs
 * events with the keys of its ID tokens: `verifyByIssuer`.
 */
export function createRiscVerifier (
  provider: string, issuer: string, settings: ProviderSettings, verifyByIssuer: VerifyEvent
): VerifyEvent {
  const audiences = [settings.clientId, ...settings.nativeClientIds]
  const isIssuer = (iss: string) => withoutSlash(iss) === withoutSlash(issuer)
  let known: { jwksUri: string | undefined, keys: JWTVerifyGetKey | undefined, readAt: number } | undefined

  async function readKeys (): Promise<JWTVerifyGetKey | undefined> {
    if (known && Date.now() - known.readAt < FRESH_MS) return known.keys
    const jwksUri = await fetchJwksUri(provider, issuer)
    // While the URL is the same, its keys stay cached.
    const cached = jwksUri === known?.jwksUri ? known?.keys : undefined
    const keys = cached ?? (jwksUri === undefined ? undefined : createIssuerKeys(provider, jwksUri))
    known = { jwksUri, keys, readAt: Date.now() }
    return keys
  }

  return async (token) => {
    const keys = settings.jwksUrl === undefined ? await readKeys() : undefined
    if (!keys) return await verifyByIssuer(token)
    return await verifyEventToken(token, keys, { provider, audiences, isIssuer })
  }
}

/** Where the keys of events are. Undefined where the issuer has no RISC configuration. */
async function fetchJwksUri (provider: string, issuer: string): Promise<string | undefined> {
  const call = { provider, step: 'discovery' } as const
  const answer = await callProvider(`${withoutSlash(issuer)}/.well-known/risc-configuration`, call)
  if (answer.status === 404) return undefined
  const document = acceptJson(answer, parseJson(answer.text), call)
  const [documentIssuer, jwksUri] = [member(document, 'issuer'), member(document, 'jwks_uri')]
  const fail = (reason: string) => providerError(provider, 'discovery', reason)
  if (typeof documentIssuer !== 'string' || withoutSlash(documentIssuer) !== withoutSlash(issuer)) {
    throw fail('the RISC configuration names another issuer')
  }
  if (typeof jwksUri !== 'string' || !isAllowedEndpoint(jwksUri, issuer, ['https:', new URL(issuer).protocol])) {
    throw fail('jwks_uri of the RISC configuration is missing or not a safe URL')
  }
  return jwksUri
}

/** The `iss` of Google's events ends in a slash, that of its ID tokens does not. */
export function withoutSlash (url: string): string {
  return url.replace(/\/$/, '')
}
