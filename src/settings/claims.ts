import { parseJson } from '../http/json.ts'
import { claimMistakes, type JsonObject } from '../tokens/claim-template.ts'
import type { Check } from './check.ts'

/**
 * Claims that mean something to Signet or to those who verify its tokens: RFC 7519, RFC 9068, OpenID Connect Core, and
 * the members of an introspection response (RFC 7662).
 */
const REGISTERED = [
  'iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'roles', 'sid', 'auth_time', 'acr', 'amr',
  'azp', 'nonce', 'at_hash', 'c_hash', 's_hash', 'cnf', 'act', 'may_act', 'events', 'sub_id', 'sub_jwk', 'active',
  'token_type'
]

/** What TOKEN_CLAIMS must not have. */
export const ACCESS_TOKEN_RESERVED = REGISTERED

/** What ID_TOKEN_CLAIMS must not have: also what scopes open. */
export const ID_TOKEN_RESERVED = [...REGISTERED, 'email', 'email_verified', 'name', 'picture', 'preferred_username']

const EXAMPLE = '{"tenant":"{user.metadata.tenant}"}'

/** TOKEN_CLAIMS or ID_TOKEN_CLAIMS; undefined where it is not set. */
export function readClaims (
  name: string, json: string | undefined, reserved: readonly string[], check: Check
): JsonObject | undefined {
  if (json === undefined) return undefined
  const template = parseJson(json)
  if (typeof template !== 'object' || template === null || Array.isArray(template)) {
    check(false, `${name} must be a JSON object, such as ${EXAMPLE}`)
    return undefined
  }
  const claims = template as JsonObject
  for (const mistake of claimMistakes(claims, reserved)) check(false, `${name} ${mistake}`)
  return claims
}
