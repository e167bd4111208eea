import {
  AuthRequest, exchangeCodeAsync, fetchDiscoveryAsync, refreshAsync, revokeAsync, TokenError, TokenResponse,
  TokenTypeHint, type DiscoveryDocument
} from 'expo-auth-session'
import * as SecureStore from 'expo-secure-store'

const ISSUER = process.env.EXPO_PUBLIC_SIGNET_URL ?? 'http://localhost:3000'
const CLIENT_ID = 'expo'
// The scheme stands in app.json. Signet compares redirect URIs to the letter.
const REDIRECT_URI = 'com.example.app:/callback'
const STORED = 'signet.refresh-token'

let discovery: Promise<DiscoveryDocument> | undefined
let tokens: TokenResponse | undefined
let refreshing: Promise<string | undefined> | undefined

/** Opens Signet in the system's browser. False when the person closed it. Throws with Signet's reason otherwise. */
export async function signIn (): Promise<boolean> {
  const endpoints = await findEndpoints()
  const request = new AuthRequest({
    clientId: CLIENT_ID, redirectUri: REDIRECT_URI, scopes: ['openid', 'profile', 'email']
  })
  const result = await request.promptAsync(endpoints)
  if (result.type === 'error') throw result.error ?? new Error('The sign-in failed.')
  if (result.type !== 'success') return false
  await keep(await exchangeCodeAsync({
    clientId: CLIENT_ID,
    redirectUri: REDIRECT_URI,
    code: result.params['code'] ?? '',
    extraParams: { code_verifier: request.codeVerifier ?? '' }
  }, endpoints))
  return true
}

/** A fresh access token for your API, or undefined when nobody is signed in. Callers at one moment share a refresh. */
export function getAccessToken (): Promise<string | undefined> {
  // A minute before it expires. The library's own margin is ten.
  if (tokens && TokenResponse.isTokenFresh(tokens, -60)) return Promise.resolve(tokens.accessToken)
  refreshing ??= refresh().finally(() => { refreshing = undefined })
  return refreshing
}

/** Ends the session at Signet, and forgets it here. Throws, and forgets nothing, when Signet cannot be reached. */
export async function signOut (): Promise<void> {
  const token = await SecureStore.getItemAsync(STORED)
  const endpoints = await findEndpoints()
  if (token) await revokeAsync({ clientId: CLIENT_ID, token, tokenTypeHint: TokenTypeHint.RefreshToken }, endpoints)
  await forget()
}

export async function callSignet (path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${await getAccessToken()}` }
  const response = await fetch(ISSUER + path, { headers })
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`)
  return await response.json()
}

async function refresh (): Promise<string | undefined> {
  const refreshToken = await SecureStore.getItemAsync(STORED)
  if (!refreshToken) return undefined
  try {
    return await keep(await refreshAsync({ clientId: CLIENT_ID, refreshToken }, await findEndpoints()))
  } catch (error) {
    // The session has ended. Anything else, such as a network that is away, signs nobody out.
    if (!(error instanceof TokenError && error.code === 'invalid_grant')) throw error
    await forget()
    return undefined
  }
}

/** The refresh token is a new one each time, and alone is stored: in the Keychain, or by a key of the Keystore. */
async function keep (fresh: TokenResponse): Promise<string> {
  tokens = fresh
  if (fresh.refreshToken) {
    await SecureStore.setItemAsync(STORED, fresh.refreshToken, {
      keychainAccessible: SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY
    })
  }
  return fresh.accessToken
}

async function forget (): Promise<void> {
  tokens = undefined
  await SecureStore.deleteItemAsync(STORED)
}

function findEndpoints (): Promise<DiscoveryDocument> {
  discovery ??= fetchDiscoveryAsync(ISSUER).catch((error) => {
    discovery = undefined
    throw error
  })
  return discovery
}
