/** Where Signet is, without a slash at the end. */
export const SIGNET_URL = (import.meta.env.VITE_SIGNET_URL ?? 'http://localhost:3000').replace(/\/$/, '')

/** A refusal of Signet: its code and its words, from problem+json as from an OAuth error. */
export class SignetError extends Error {
  readonly code: string
  readonly status: number

  constructor (code: string, message: string, status: number) {
    super(message)
    this.name = 'SignetError'
    this.code = code
    this.status = status
  }
}

/**
 * The JSON of an answer, `undefined` of an empty one. Throws SignetError for a refusal, TypeError when there is no
 * answer.
 */
export async function ask (path: string, request: RequestInit = {}): Promise<unknown> {
  return await read(await fetch(SIGNET_URL + path, request))
}

async function read (response: Response): Promise<unknown> {
  if (response.status === 204) return undefined
  const body = await response.json().catch(() => ({}))
  if (!response.ok) {
    throw new SignetError(
      body.code ?? body.error ?? 'unknown',
      body.detail ?? body.error_description ?? body.message ?? `Signet answered ${response.status}.`,
      response.status
    )
  }
  return body
}

/** The signed-in user, from the database: what a moment ago has ended is 401 here. */
export async function callMe (accessToken: string): Promise<unknown> {
  return await ask('/me', { headers: { authorization: `Bearer ${accessToken}` } })
}

/** Where the service of examples/resource-server is. */
const NOTES_URL = (import.meta.env.VITE_NOTES_URL ?? 'http://localhost:4000').replace(/\/$/, '')

/** A call of your own service: the token is for it, too. */
export async function readNotes (accessToken: string): Promise<unknown> {
  const request = fetch(`${NOTES_URL}/notes`, { headers: { authorization: `Bearer ${accessToken}` } })
  return await read(await request.catch(() => {
    throw new Error(`The service at ${NOTES_URL} cannot be reached, or does not allow ${location.origin}.`)
  }))
}

const WORDS: Record<string, string> = {
  access_denied: 'You declined at the provider, so you are not signed in.',
  account_disabled: 'This account was disabled by an administrator.',
  invalid_grant: 'Your sign-in has ended. Please sign in again.',
  revoked: 'Your sign-in has ended. Please sign in again.',
  invalid_token: 'Your sign-in has ended. Please sign in again.',
  temporarily_unavailable: 'The provider did not answer in time. Please try again.',
  server_error: 'The provider could not complete the sign-in. Please try again.'
}

/** An error for a person: by its code where that says enough, else in Signet's own words. */
export function inWords (code: string | null, message: string): string {
  return WORDS[code ?? ''] ?? message
}

/** Browsers do not tell a script whether nobody answered or CORS forbade to read the answer. */
export const UNREACHABLE =
  `Signet at ${SIGNET_URL} cannot be reached, or does not allow this page's origin, ${location.origin}.`
