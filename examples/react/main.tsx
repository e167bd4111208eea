import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { WebStorageStateStore } from 'oidc-client-ts'
import { AuthProvider, useAuth } from 'react-oidc-context'

const SIGNET_URL: string = import.meta.env.VITE_SIGNET_URL ?? 'http://localhost:3000'
const HERE = `${location.origin}/`

const settings = {
  authority: SIGNET_URL,
  client_id: 'react',
  redirect_uri: HERE,
  post_logout_redirect_uri: HERE,
  scope: 'openid profile email',
  // All tabs share one refresh token. sessionStorage is copied into a duplicated tab, and a copy that is used late
  // counts as stolen.
  userStore: new WebStorageStateStore({ store: localStorage })
}

function App () {
  const auth = useAuth()
  const { user, error, activeNavigator } = auth
  const [answer, setAnswer] = useState('')
  const needsRefresh = user?.expired === true && user.refresh_token !== undefined && !error

  // A code works once, and an error is shown once: a reload must not bring either again.
  useEffect(() => {
    if (!auth.isLoading) history.replaceState(null, '', location.pathname)
  }, [auth.isLoading])

  // After a reload the access token may have expired. The refresh token keeps the sign-in.
  useEffect(() => {
    if (needsRefresh && !activeNavigator) auth.signinSilent()
  }, [needsRefresh, activeNavigator, auth])

  /** Your own API takes the access token in the same way: examples/resource-server, examples/fastapi. */
  async function callMe () {
    const response = await fetch(`${SIGNET_URL}/me`, { headers: { authorization: `Bearer ${user?.access_token}` } })
    setAnswer(JSON.stringify(await response.json(), null, 2))
  }

  if (auth.isLoading || needsRefresh) return <p role='status'>Loading ...</p>
  if (!user || user.expired) {
    return (
      <>
        <h1>You are not signed in</h1>
        {error && <p role='alert'>{error.message}</p>}
        <button onClick={() => auth.signinRedirect()}>Sign in</button>
      </>
    )
  }
  return (
    <>
      <h1>Hello, {user.profile.name ?? user.profile.sub}</h1>
      {error && <p role='alert'>{error.message}</p>}
      <button onClick={callMe}>Call /me</button>
      <button onClick={() => auth.signoutRedirect()}>Sign out</button>
      <pre aria-label='Answer of GET /me'>{answer}</pre>
    </>
  )
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <AuthProvider {...settings}><App /></AuthProvider>
  </StrictMode>
)
