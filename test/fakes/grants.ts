import { createHash, randomBytes } from 'node:crypto'
import { parameter, type Call } from './calls.ts'

/** What an authorization server remembers between the browser's visit and the exchange of the code. */
export interface Grant {
  redirectUri: string
  scope: string
  codeChallenge: string | undefined
  codeChallengeMethod: string | undefined
}

/** Things that are handed out under a random name, such as codes and tokens. */
export interface Issued<Value> {
  issue: (value: Value, prefix?: string) => string
  find: (name: string | undefined) => Value | undefined
  /** Finds and forgets: the second use of a code finds nothing (RFC 6749 section 4.1.2). */
  spend: (name: string | undefined) => Value | undefined
  revoke: (isRevoked: (value: Value, name: string) => boolean) => void
}

export function createIssued<Value> (): Issued<Value> {
  const values = new Map<string, Value>()
  const find = (name: string | undefined) => (name === undefined ? undefined : values.get(name))
  return {
    find,
    issue (value, prefix = '') {
      const name = prefix + randomBytes(20).toString('hex')
      values.set(name, value)
      return name
    },
    spend (name) {
      const value = find(name)
      if (name !== undefined) values.delete(name)
      return value
    },
    revoke (isRevoked) {
      for (const [name, value] of values) if (isRevoked(value, name)) values.delete(name)
    }
  }
}

/**
 * Whether the verifier answers the challenge (RFC 7636 section 4.6). A verifier where no challenge was is refused too:
 * somebody has taken the challenge out on the way (RFC 9700 section 2.1.1).
 */
export function answersChallenge (
  { codeChallenge, codeChallengeMethod }: Grant,
  codeVerifier: string | undefined
): boolean {
  if (codeChallenge === undefined || codeVerifier === undefined) return codeChallenge === codeVerifier
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(codeVerifier)) return false
  return (
    codeChallenge ===
    (codeChallengeMethod === 'S256' ? createHash('sha256').update(codeVerifier).digest('base64url') : codeVerifier)
  )
}

export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'none'

/** The client's credentials, from the header or the body (RFC 6749 section 2.3.1). */
export function clientCredentials (call: Call): {
  clientId: string | undefined
  clientSecret: string | undefined
  methods: ClientAuthentication[]
} {
  const posted = { clientId: parameter(call.body, 'client_id'), clientSecret: parameter(call.body, 'client_secret') }
  const [scheme = '', encoded = ''] = (call.headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() !== 'basic') {
    return { ...posted, methods: [posted.clientSecret === undefined ? 'none' : 'client_secret_post'] }
  }
  const [id = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':')
  return {
    clientId: formDecode(id),
    clientSecret: formDecode(secret.join(':')),
    methods: ['client_secret_basic', ...(posted.clientSecret === undefined ? [] : ['client_secret_post' as const])]
  }
}

function formDecode (text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
