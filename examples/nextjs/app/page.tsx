import { auth, signIn, signOut } from '../auth'

const { AUTH_SIGNET_ISSUER: issuer = 'http://localhost:3000' } = process.env

export default async function Page () {
  const session = await auth()
  if (!session?.user) {
    return (
      <>
        <h1>You are not signed in</h1>
        <form action={async () => { 'use server'; await signIn('signet') }}><button>Sign in</button></form>
      </>
    )
  }
  // Your own API takes the access token in the same way: examples/resource-server, examples/fastapi.
  const headers = { authorization: `Bearer ${session.accessToken}` }
  const me = await (await fetch(`${issuer}/me`, { headers, cache: 'no-store' })).json()
  return (
    <>
      <h1>Hello, {session.user.name ?? session.user.email}</h1>
      <pre aria-label='Answer of GET /me'>{JSON.stringify(me, null, 2)}</pre>
      <form action={async () => { 'use server'; await signOut() }}><button>Sign out</button></form>
    </>
  )
}
