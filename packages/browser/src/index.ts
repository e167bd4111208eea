export interface SignetOptions {
  /** Signet's public URL, on the same site as the app. */
  url: string
  /** Further origins that get the access token. Signet and the page's own origin do anyway. */
  apis?: string[]
  /**
   * Called with the user's id after a sign-in, and with undefined when the session has ended: in this tab or in another
   * one.
   */
  onUserChange?: (userId: string | undefined) => void
}

export interface Signet {
  /**
   * An access token that has not expired; undefined without a session. However many calls and tabs ask at once, Signet
   * is asked once. Throws TypeError when Signet cannot be reached in time, SignetError when it cannot answer.
   */
  accessToken: () => Promise<string | undefined>
  /**
   * `fetch` with the access token, or without one where there is no session. A 401 is returned once a refresh has
   * shown whether the session has ended. Throws RangeError for an origin that is not to have the token.
   */
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  /** Where to send the person. They come back to `returnTo`, by default this page. */
  loginUrl: (provider: string, returnTo?: string) => string
  /** Ends the session, in all tabs. Throws as `accessToken`: then it goes on. */
  signOut: () => Promise<void>
  /** Stops listening to the other tabs. */
  close: () => void
}

/** Signet answered with something else than a token or a refusal: an error, or too many requests. */
export class SignetError extends Error {
  readonly status: number

  constructor (status: number) {
    super(`Signet answered ${status}.`)
    this.name = 'SignetError'
    this.status = status
  }
}

interface Token { value: string, userId: string, expiresAt: number }

/** A token is renewed this long before it expires, or half-way through a shorter life. */
const MARGIN_MS = 30_000
const TIMEOUT_MS = 15_000
/** A lock may be granted before the message arrives that the tab before sent. */
const MESSAGE_MS = 300

/**
 * The session of a web app whose refresh token is in a cookie that no script can read. Access tokens are in the memory
 * of the tabs: the tab that holds the lock asks Signet, and tells the others.
 */
export function createSignet ({ url, apis = [], onUserChange }: SignetOptions): Signet {
  const base = url.replace(/\/+$/, '')
  const name = `signet ${base}`
  const tabs = new BroadcastChannel(name)
  let token: Token | undefined
  let asking: Promise<string | undefined> | undefined
  let heard = () => {}

  const fresh = () => token && Date.now() < token.expiresAt ? token.value : undefined

  function set (next: Token | undefined): void {
    const isChanged = token?.userId !== next?.userId
    token = next
    if (isChanged) onUserChange?.(next?.userId)
  }

  tabs.onmessage = ({ data }: MessageEvent<Token | undefined>) => {
    set(data)
    heard()
  }

  function tell (next: Token | undefined): void {
    tabs.postMessage(next)
    set(next)
  }

  const post = (path: string, body?: URLSearchParams) => fetch(base + path, {
    method: 'POST', credentials: 'include', signal: AbortSignal.timeout(TIMEOUT_MS), body: body ?? null
  })

  async function refresh (): Promise<string | undefined> {
    const response = await post('/oauth2/token', new URLSearchParams({ grant_type: 'refresh_token' }))
    // 400: there is no cookie, or its session has ended.
    if (!response.ok && response.status !== 400) throw new SignetError(response.status)
    const { access_token: value, expires_in: seconds } = await response.json()
    tell(response.ok
      ? { value, userId: subjectOf(value), expiresAt: Date.now() + Math.max(seconds * 1000 - MARGIN_MS, seconds * 500) }
      : undefined)
    return token?.value
  }

  /** Of the tabs that ask at once one gets the lock; the others wait for it, and for what it told. */
  async function ask (): Promise<string | undefined> {
    const { locks } = navigator
    let isFirst = false
    const value = await locks.request(name, { ifAvailable: true }, async (lock) => {
      isFirst = lock !== null
      return lock ? await refresh() : undefined
    })
    if (isFirst) return value
    const message = new Promise<void>((resolve) => { heard = resolve })
    return await locks.request(name, async () => {
      if (!fresh()) await Promise.race([message, new Promise((resolve) => setTimeout(resolve, MESSAGE_MS))])
      return fresh() ?? await refresh()
    })
  }

  const accessToken = async () =>
    fresh() ?? await (asking ??= ask().finally(() => { asking = undefined }))

  return {
    accessToken,

    async fetch (target, init) {
      const { origin } = new URL(target, location.href)
      if (![base, location.href, ...apis].some((known) => new URL(known).origin === origin)) {
        throw new RangeError(`${origin} is not in apis.`)
      }
      const value = await accessToken()
      const headers = new Headers(init?.headers)
      if (value) headers.set('authorization', `Bearer ${value}`)
      const response = await fetch(target, { ...init, headers })
      if (response.status === 401 && value !== undefined && token?.value === value) {
        token.expiresAt = 0
        await accessToken()
      }
      return response
    },

    loginUrl: (provider, returnTo = location.href) =>
      `${base}/login/${encodeURIComponent(provider)}?${new URLSearchParams({ return_to: returnTo })}`,

    signOut: () => navigator.locks.request(name, async () => {
      const { ok, status } = await post('/logout')
      if (!ok) throw new SignetError(status)
      tell(undefined)
    }),

    close: () => tabs.close()
  }
}

/** The claim `sub` of a JWT. A UUID is ASCII, so that no other decoding is needed. */
function subjectOf (jwt: string): string {
  const payload = jwt.split('.')[1] as string
  return JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))).sub
}
