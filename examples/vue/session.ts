import { ref } from 'vue'

const SIGNET_URL: string = import.meta.env.VITE_SIGNET_URL ?? 'http://localhost:3000'

export interface User { id: string, name: string | null, email: string | null }
export interface Provider { id: string, name: string, loginUrl: string }

/** Who is signed in: `null` for nobody, `undefined` until that is known. */
export const user = ref<User | null>()

/** In memory only: after a reload the cookie brings a new one. */
let accessToken: string | undefined
let refreshAt = 0
let refreshing: Promise<void> | undefined

/** Tells the other tabs of a sign-out, which cannot see the cookie either. */
const otherTabs = new BroadcastChannel('signet')
otherTabs.addEventListener('message', forget)

/** Finds out who is signed in. Throws when Signet cannot be reached. */
export async function resume (): Promise<void> {
  await refresh()
  if (user.value !== null) user.value = await call<User>('/me')
}

/** The ways to sign in. Each `loginUrl` is a page to go to; the person comes back to this one. */
export async function findProviders (): Promise<Provider[]> {
  const { providers } = (await (await fetch(SIGNET_URL)).json()) as { providers: Provider[] }
  const returnTo = encodeURIComponent(location.origin + location.pathname)
  return providers.map((provider) => ({ ...provider, loginUrl: `${provider.loginUrl}?return_to=${returnTo}` }))
}

/** GETs from Signet, or from your own API, with an access token that has not expired. */
export async function call<Answer> (path: string, baseUrl = SIGNET_URL): Promise<Answer> {
  if (Date.now() >= refreshAt) await refresh()
  const response = await fetch(baseUrl + path, { headers: { authorization: `Bearer ${accessToken}` } })
  if (response.status === 401) forget()
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`)
  return (await response.json()) as Answer
}

export async function signOut (): Promise<void> {
  const response = await fetch(`${SIGNET_URL}/logout`, { method: 'POST', credentials: 'include' })
  if (!response.ok) throw new Error(`The sign-out failed: HTTP ${response.status}`)
  otherTabs.postMessage('signed out')
  forget()
}

function refresh (): Promise<void> {
  refreshing ??= exchangeCookie().finally(() => { refreshing = undefined })
  return refreshing
}

/** The refresh cookie for an access token. Signet puts the cookie's successor in its place; no script ever sees it. */
async function exchangeCookie (): Promise<void> {
  const response = await fetch(`${SIGNET_URL}/oauth2/token`, {
    method: 'POST',
    credentials: 'include',
    body: new URLSearchParams({ grant_type: 'refresh_token' })
  })
  // 400: there is no cookie, or its session has ended.
  if (response.status === 400) return forget()
  if (!response.ok) throw new Error(`The refresh failed: HTTP ${response.status}`)
  const tokens = (await response.json()) as { access_token: string, expires_in: number }
  accessToken = tokens.access_token
  refreshAt = Date.now() + (tokens.expires_in - 30) * 1000
}

function forget (): void {
  accessToken = undefined
  refreshAt = 0
  user.value = null
}
