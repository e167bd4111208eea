import { attempt, element, explainErrorsBy, onClick, showAnswer, showMistake, showSignedIn, tell } from './page.ts'
import { ask, callMe, inWords, SignetError, UNREACHABLE } from './signet.ts'

interface Tokens {
  access_token: string
  expires_in: number
}
interface Me {
  name: string | null
  email: string | null
  id: string
}
interface Home {
  providers: { name: string, loginUrl: string }[]
}

/** In memory only. A reload asks for a new one: the cookie is what lasts. */
let accessToken: string | undefined
let expiresAt = 0
let timer: ReturnType<typeof setTimeout> | undefined

/** Tells the other tabs of a sign-out; they cannot see the cookie either. */
const otherTabs = new BroadcastChannel('signet')

explainErrorsBy((error) => {
  if (error instanceof SignetError) return inWords(error.code, error.message)
  if (error instanceof TypeError) return UNREACHABLE
  return error instanceof Error ? error.message : String(error)
})

/**
 * A new access token for the refresh cookie; Signet puts the cookie's successor in its place. Several tabs may do this
 * at once.
 */
async function refresh (): Promise<void> {
  const form = new URLSearchParams({ grant_type: 'refresh_token' })
  const tokens = (await ask('/oauth2/token', { method: 'POST', credentials: 'include', body: form }).catch(
    forgetWhatHasEnded
  )) as Tokens
  accessToken = tokens.access_token
  expiresAt = Date.now() + tokens.expires_in * 1000
  clearTimeout(timer)
  // A minute before its end, or half-way through a short life.
  timer = setTimeout(() => attempt(refresh), Math.max(tokens.expires_in - 60, tokens.expires_in / 2) * 1000)
  tell(`The access token lives until ${new Date(expiresAt).toLocaleTimeString()}.`)
}

function forget (): void {
  accessToken = undefined
  clearTimeout(timer)
  showSignedIn(undefined)
  tell('You are not signed in.')
}

async function forgetWhatHasEnded (error: unknown): Promise<never> {
  if (error instanceof SignetError && ['invalid_grant', 'invalid_token', 'invalid_request'].includes(error.code)) {
    forget()
  }
  throw error
}

async function readMe (): Promise<Me> {
  if (Date.now() >= expiresAt) await refresh()
  return (await callMe(accessToken ?? '').catch(forgetWhatHasEnded)) as Me
}

async function offerProviders (): Promise<void> {
  const { providers } = (await ask('/')) as Home
  element('providers').replaceChildren(
    ...providers.map(({ name, loginUrl }) => {
      const [item, link] = [document.createElement('li'), document.createElement('a')]
      link.href = `${loginUrl}?${new URLSearchParams({ return_to: location.origin + location.pathname })}`
      link.className = 'button'
      link.textContent = `Continue with ${name}`
      item.append(link)
      return item
    })
  )
}

onClick('refresh', refresh)
onClick('call-me', async () => showAnswer(await readMe()))
onClick('sign-out', async () => {
  await ask('/logout', { method: 'POST', credentials: 'include' })
  otherTabs.postMessage('signed out')
  forget()
})
otherTabs.addEventListener('message', forget)

attempt(async () => {
  await offerProviders()
  const failure = new URLSearchParams(location.search)
  history.replaceState(null, '', location.pathname)
  try {
    await refresh()
    const { name, email, id } = await readMe()
    showSignedIn(name ?? email ?? id)
  } catch (error) {
    // Without a cookie nobody is signed in, which is not a mistake.
    if (!(error instanceof SignetError && error.code === 'invalid_request')) throw error
  }
  if (failure.has('error')) {
    showMistake(inWords(failure.get('error'), failure.get('error_description') ?? 'The sign-in failed.'))
  }
})
