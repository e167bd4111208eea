import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { ASSERTION_ALGORITHMS } from '../clients/assertion-keys.ts'
import type { Client, ClientAssertions } from '../clients/clients.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { describeTokenError, verifyWithAnyKey } from '../providers/id-token.ts'
import type { AssertionKeys } from './keys.ts'

export interface ClientAssertionOptions {
  issuerUrl: string
  keys: AssertionKeys
  /** Records what works once, for all instances. False when it was recorded before. */
  spend: (hash: NonSharedBuffer, expiresAt: Date) => Promise<boolean>
  /** Called when keys could not be read, for the log. */
  onUnreadableKeys?: (clientId: string, error: Error) => void
}

/** How far ahead an assertion's `exp` may be. */
const MAX_LIFETIME_SECONDS = 5 * 60
/** How old the ID token of a CI system may be: a job is given one, which must last it. */
const MAX_AGE_SECONDS = 60 * 60
/** For clocks that differ. */
const TOLERANCE_SECONDS = 60
/** A `jti` is remembered so much longer than its assertion counts, by whichever clock. */
const MARGIN_SECONDS = 5 * 60
const MAX_JTI_LENGTH = 255

/**
 * Verifies client assertions (RFC 7523 section 3): those that a client signs itself, and for a client that names
 * another issuer and a subject, the ID tokens of that issuer.
 */
export function createClientAssertions (options: ClientAssertionOptions): ClientAssertions {
  const { issuerUrl, keys, spend, onUnreadableKeys } = options
  const audiences = [issuerUrl, `${issuerUrl}/oauth2/token`]

  /** OpenID Connect Core section 9: made by the client for this server, for a few minutes, and used once. */
  async function verifyOwn ({ clientId, metadata }: Client, assertion: string): Promise<void> {
    const clientKeys = keys.ofClient(metadata)
    if (!clientKeys) throw refused('this client has registered no keys')
    const { aud, exp = 0, iat, jti } = await verify(assertion, clientKeys, clientId, clientId)
    assertType(assertion, [undefined, 'JWT', 'client-authentication+jwt'])
    assertAudience(aud, audiences)
    const now = Date.now() / 1000
    if (exp > now + MAX_LIFETIME_SECONDS + TOLERANCE_SECONDS) throw refused('exp is more than five minutes ahead')
    if (iat !== undefined && iat > now + TOLERANCE_SECONDS) throw refused('iat is in the future')
    const isJti = typeof jti === 'string' && jti !== '' && jti.length <= MAX_JTI_LENGTH
    if (!isJti) throw refused('jti is missing or too long')
    const hash = createHash('sha256').update(JSON.stringify(['client-assertion', clientId, jti])).digest()
    const expiresAt = new Date((exp + TOLERANCE_SECONDS + MARGIN_SECONDS) * 1000)
    if (!await spend(hash, expiresAt)) throw refused('it was used before')
  }

  /**
   * An ID token that the issuer gave to the one subject that the client names, for this server. It may be presented
   * again until it expires (RFC 7523 section 3, rule 7): a CI job gets one, and cannot make another.
   */
  async function verifyIdentityToken (issuer: string, { metadata }: Client, token: string): Promise<void> {
    // Signet's own tokens are for other purposes, whatever a registration says.
    if (issuer === issuerUrl) throw refused('its issuer is this server')
    const { aud, iat = 0 } = await verify(token, await keys.ofIssuer(issuer), issuer, metadata.assertionSubject ?? '')
    assertType(token, [undefined, 'JWT'])
    assertAudience(aud, [issuerUrl])
    const age = Date.now() / 1000 - iat
    if (age > MAX_AGE_SECONDS || age < -TOLERANCE_SECONDS) throw refused('iat is missing, or not within the last hour')
  }

  return {
    async verify (client, assertion) {
      const { clientId, metadata: { tokenEndpointAuthMethod, assertionIssuer } } = client
      if ((tokenEndpointAuthMethod ?? 'private_key_jwt') !== 'private_key_jwt') {
        throw refused(`this client is registered for ${tokenEndpointAuthMethod}`)
      }
      const isByIssuer = assertionIssuer !== undefined && issuerOf(assertion) === assertionIssuer
      const verified = isByIssuer
        ? verifyIdentityToken(assertionIssuer, client, assertion)
        : verifyOwn(client, assertion)
      await verified.catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error
        onUnreadableKeys?.(clientId, error)
        throw new OAuthError('temporarily_unavailable', 'The keys for the client assertion could not be read.', 503)
      })
    }
  }
}

async function verify (
  jwt: string, keys: JWTVerifyGetKey, issuer: string, subject: string
): Promise<JWTPayload> {
  const options = {
    algorithms: ASSERTION_ALGORITHMS,
    issuer,
    subject,
    clockTolerance: TOLERANCE_SECONDS,
    requiredClaims: ['iss', 'sub', 'aud', 'exp']
  }
  return await verifyWithAnyKey(jwt, keys, options).catch((error: unknown) => {
    if (error instanceof Problem) throw error
    throw refused(error instanceof errors.JOSEError ? describeTokenError(error) : 'it cannot be read')
  })
}

/** Other JWTs of the same keys, such as DPoP proofs, are no assertions (RFC 8725 section 3.11). */
function assertType (jwt: string, types: (string | undefined)[]): void {
  if (!types.includes(decodeProtectedHeader(jwt).typ)) throw refused('its type is another (typ)')
}

/** A token with further audiences could be presented here by any of them. */
function assertAudience (aud: JWTPayload['aud'], audiences: string[]): void {
  const named = [aud ?? []].flat()
  if (named.length === 0 || !named.every((one) => audiences.includes(one))) {
    throw refused(`aud must be ${audiences[0]} and no other`)
  }
}

/** What the assertion says of itself, to choose who must have signed it. */
function issuerOf (assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).iss
  } catch {
    return undefined
  }
}

/** RFC 7521 section 4.2.1. */
function refused (reason: string): OAuthError {
  return new OAuthError('invalid_client', `The client assertion is not accepted: ${reason}.`)
}
