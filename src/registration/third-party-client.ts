import { createHash } from 'node:crypto'
import type { Client } from '../clients/clients.ts'
import type { ClientMetadata } from '../clients/client-metadata.ts'
import { isLoopback, isRedirectUri } from '../http/url.ts'
import { AUTHORIZATION_CODE, REFRESH_TOKEN } from '../tokens/grant-types.ts'

/** The grants of every third-party client: the others ask nobody for consent. */
export const THIRD_PARTY_GRANTS = [AUTHORIZATION_CODE, REFRESH_TOKEN]

const MAX_NAME_LENGTH = 100

export interface ThirdPartyRegistration {
  clientId: string
  name: string
  redirectUris: string[]
  logoUri: string | undefined
  /** See ThirdParty. */
  host: string | undefined
  metadata?: ClientMetadata
}

export function toThirdPartyClient (registration: ThirdPartyRegistration): Client {
  const { clientId, name, redirectUris, host, metadata } = registration
  return {
    clientId,
    name,
    redirectUris,
    postLogoutRedirectUris: [],
    secretHash: undefined,
    metadata: { ...metadata, grantTypes: THIRD_PARTY_GRANTS },
    thirdParty: { host, fingerprint: fingerprintOf(registration) }
  }
}

function fingerprintOf ({ name, redirectUris, logoUri, host }: ThirdPartyRegistration): string {
  const shown = JSON.stringify([name, redirectUris.toSorted(), logoUri ?? null, host ?? null])
  return createHash('sha256').update(shown).digest('base64url')
}

/**
 * A name as people may see it: on one line, without invisible characters and those that change the direction of text.
 * Undefined for a name of which nothing is left, or that is too long.
 */
export function readableName (name: string): string | undefined {
  const readable = name.normalize('NFKC').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').replace(/\s+/g, ' ').trim()
  return readable === '' || readable.length > MAX_NAME_LENGTH ? undefined : readable
}

/** https, or http of a loopback address. An app's own scheme may belong to any app on the device. */
export function isThirdPartyRedirectUri (uri: string): boolean {
  if (!isRedirectUri(uri)) return false
  const url = new URL(uri)
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}
