import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose'
import { isKeysUrl } from '../clients/assertion-keys.ts'
import type { ClientMetadata } from '../clients/client-metadata.ts'
import { parseJson } from '../http/json.ts'
import { member } from '../providers/claims.ts'
import { createIssuerKeys } from '../providers/id-token.ts'
import { unreadable, type ReadDocument } from './documents.ts'

export interface AssertionKeys {
  /** The keys that a client registered; undefined where it has none. */
  ofClient: (metadata: ClientMetadata) => JWTVerifyGetKey | undefined
  /** The keys of another issuer, by its metadata (OpenID Connect Discovery section 4). */
  ofIssuer: (issuer: string) => Promise<JWTVerifyGetKey>
}

const METADATA_FRESH_MS = 60 * 60 * 1000
const MAX_REMEMBERED = 1_000

/** Key sets are kept for ten minutes, and an unknown `kid` reads one again, at most once in ten seconds. */
export function createAssertionKeys (readDocument: ReadDocument): AssertionKeys {
  const sets = remembering((url: string) => createIssuerKeys('The client', url, readDocument))
  const issuers = new Map<string, { keys: JWTVerifyGetKey, readAt: number }>()

  return {
    ofClient ({ jwks, jwksUri }) {
      if (jwks) return createLocalJWKSet(jwks)
      return jwksUri === undefined ? undefined : sets(jwksUri)
    },

    async ofIssuer (issuer) {
      const known = issuers.get(issuer)
      if (known && Date.now() - known.readAt < METADATA_FRESH_MS) return known.keys
      const keys = sets(await readJwksUri(issuer, readDocument))
      if (issuers.size >= MAX_REMEMBERED) issuers.clear()
      issuers.set(issuer, { keys, readAt: Date.now() })
      return keys
    }
  }
}

/** CI systems have no other endpoints, so nothing else is asked of the document. */
async function readJwksUri (issuer: string, readDocument: ReadDocument): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = parseJson(await readDocument(url))
  if (member(document, 'issuer') !== issuer) throw unreadable(url, 'the document names another issuer')
  const jwksUri = member(document, 'jwks_uri')
  if (typeof jwksUri === 'string' && isKeysUrl(jwksUri)) return jwksUri
  throw unreadable(url, 'jwks_uri is missing or not a safe URL')
}

function remembering<Value> (create: (key: string) => Value): (key: string) => Value {
  const values = new Map<string, Value>()
  return (key) => {
    const known = values.get(key)
    if (known !== undefined) return known
    if (values.size >= MAX_REMEMBERED) values.clear()
    const value = create(key)
    values.set(key, value)
    return value
  }
}
