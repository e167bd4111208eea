import { ErrorResponse, UserManager, WebStorageStateStore, type User } from 'oidc-client-ts'
import { attempt, element, explainErrorsBy, onClick, showAnswer, showSignedIn, tell } from './page.ts'
import { callMe, inWords, readNotes, SIGNET_URL, SignetError, UNREACHABLE } from './signet.ts'

const here = `${location.origin}/`

const manager = new UserManager({
  authority: SIGNET_URL,
  client_id: 'spa',
  redirect_uri: here,
  post_logout_redirect_uri: here,
  scope: 'openid profile email',
  // All tabs share one refresh token. sessionStorage is copied into a duplicated tab, and a copy presented late counts
  // as theft.
  userStore: new WebStorageStateStore({ store: localStorage }),
  // By `refresh` below: without a refresh token the library would try a hidden iframe, which no longer works in
  // browsers.
  automaticSilentRenew: false
})

explainErrorsBy((error) => {
  if (error instanceof ErrorResponse) return inWords(error.error, error.message)
  if (error instanceof SignetError) return inWords(error.code, error.message)
  if (error instanceof TypeError) return UNREACHABLE
  return error instanceof Error ? error.message : String(error)
})

function show (user: User | null): void {
  showSignedIn(user ? (user.profile.name ?? user.profile.sub) : undefined)
  tell(
    user
      ? `The access token lives until ${new Date((user.expires_at ?? 0) * 1000).toLocaleTimeString()}.`
      : 'You are not signed in.'
  )
  element('claims').replaceChildren(
    ...Object.entries(user?.profile ?? {}).flatMap(([claim, value]) => [text('dt', claim), text('dd', String(value))])
  )
}

function text (tag: 'dt' | 'dd', content: string): HTMLElement {
  const made = document.createElement(tag)
  made.textContent = content
  return made
}

/** New tokens for the refresh token. Two tabs may do this at the same moment: Signet gives both the same successor. */
async function refresh (): Promise<void> {
  const user = await manager.getUser()
  if (!user?.refresh_token) return show(null)
  await manager.signinSilent().catch(forgetWhatHasEnded)
}

/**
 * A sign-in that Signet knows no more is of no use here either. Network errors change nothing: the next try may work.
 */
async function forgetWhatHasEnded (error: unknown): Promise<never> {
  const code = error instanceof ErrorResponse ? error.error : error instanceof SignetError ? error.code : undefined
  if (code === 'invalid_grant' || code === 'invalid_token' || code === 'revoked') await manager.removeUser()
  throw error
}

manager.events.addUserLoaded(show)
manager.events.addUserUnloaded(() => show(null))
manager.events.addAccessTokenExpiring(() => attempt(refresh))

// Another tab has refreshed, signed in or signed out.
addEventListener('storage', () =>
  attempt(async () => {
    const user = await manager.getUser(true)
    if (!user) await manager.events.unload()
  })
)

onClick('sign-in', () => manager.signinRedirect())
onClick('refresh', refresh)
onClick('sign-out', () => manager.signoutRedirect())
onClick('call-me', () => call('GET /me', callMe))
onClick('read-notes', () => call('GET /notes', readNotes))

/** Calls with an access token that has not expired. */
async function call (name: string, request: (accessToken: string) => Promise<unknown>): Promise<void> {
  if ((await manager.getUser())?.expired) await refresh()
  const user = await manager.getUser()
  if (user) showAnswer(await request(user.access_token).catch(forgetWhatHasEnded), name)
}

attempt(async () => {
  try {
    const answer = new URLSearchParams(location.search)
    if (answer.has('state')) await manager.signinCallback()
  } finally {
    // A code works once: the next reload must not bring it again.
    history.replaceState(null, '', location.pathname)
    const user = await manager.getUser()
    show(user)
    if (user?.expired) await refresh()
  }
})
