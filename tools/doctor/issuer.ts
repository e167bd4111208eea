import { member } from '../../src/providers/claims.ts'
import { getJson } from '../../src/providers/http.ts'
import { ALGORITHMS } from '../../src/providers/id-token.ts'
import { error, ok, type Finding } from './finding.ts'

/** One OpenID Connect issuer, as the settings name it, and where its client is registered. */
export interface ExaminedIssuer {
  name: string
  issuer: string
  /** Of its settings. */
  prefix: string
  /** The page, or "its administration". */
  where: string
  check: (what: string) => string
}

/** The issuer's discovery document; undefined where it cannot be read. */
export async function readDiscovery ({ name, issuer }: ExaminedIssuer): Promise<unknown> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  return await getJson(url, { provider: name, step: 'discovery' }).catch(() => undefined)
}

/** Names both issuers where they differ: often by a slash at the end, by http, or by a host that is an alias. */
export function examineIssuerName (examined: ExaminedIssuer, document: unknown): Finding | undefined {
  const { issuer, prefix, check } = examined
  const named = member(document, 'issuer')
  if (typeof named !== 'string' || named === issuer) return undefined
  const theirs = printable(named)
  return error(
    check('endpoints'),
    `it names another issuer: ${prefix}_ISSUER is ${issuer}, and its discovery document says ${theirs}`,
    `Set ${prefix}_ISSUER=${theirs} if that is the issuer that you mean; they must be the same to the letter.`
  )
}

/** The names of OpenID Connect Discovery for what Signet's code calls `header` and `body`. */
const METHODS: Record<string, string> = { header: 'client_secret_basic', body: 'client_secret_post' }

/** Whether the issuer takes the way in which Signet authenticates, and signs in a way that Signet verifies. */
export function examineCapabilities (
  { name, prefix, where, check }: ExaminedIssuer, document: unknown, authentication: string
): Finding[] {
  const findings: Finding[] = []
  const used = METHODS[authentication] ?? authentication
  const taken = words(member(document, 'token_endpoint_auth_methods_supported'))
  if (taken.length > 0 && !taken.includes(used)) {
    findings.push(error(
      check('client authentication'),
      `${name} takes ${taken.join(', ')} only, and Signet sends ${used}`,
      authenticationAdvice(taken, prefix, where)
    ))
  } else if (taken.length > 0) findings.push(ok(check('client authentication'), used))
  const algorithms = words(member(document, 'id_token_signing_alg_values_supported'))
  if (algorithms.length > 0 && !algorithms.some((algorithm) => ALGORITHMS.includes(algorithm))) {
    findings.push(error(
      check('signatures'),
      `${name} signs ID tokens with ${algorithms.join(', ')} only, which Signet does not take`,
      `Let it sign with RS256 or ES256 at ${where}: HS256 is keyed by the client secret, so that everyone who has ` +
        'that could sign.'
    ))
  }
  return findings
}

function authenticationAdvice (taken: string[], prefix: string, where: string): string {
  if (taken.includes('private_key_jwt')) {
    return `Set ${prefix}_AUTHENTICATION=private_key_jwt and ${prefix}_PRIVATE_KEY, and register the public key at ` +
      `${where}; or let this client use client_secret_basic.`
  }
  if (taken.includes('none')) {
    return `Set ${prefix}_AUTHENTICATION=none for a public client, or let this client use client_secret_basic at ` +
      `${where}.`
  }
  return `Let this client use client_secret_basic or client_secret_post at ${where}.`
}

/** The members of a list that are words: a document of somebody else's is printed. */
function words (list: unknown): string[] {
  const isWord = (item: unknown): item is string => typeof item === 'string' && /^[\w.-]{1,64}$/.test(item)
  return Array.isArray(list) ? list.filter(isWord).slice(0, 20) : []
}

/** A text of somebody else's, for a terminal. */
export function printable (text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, 200)
}
