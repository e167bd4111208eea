import createClient from 'openapi-fetch'
import type { components, paths } from './signet.ts'

const { SIGNET_URL = 'http://localhost:3000', ACCESS_TOKEN = '' } = process.env

const signet = createClient<paths>({
  baseUrl: SIGNET_URL,
  headers: { authorization: `Bearer ${ACCESS_TOKEN}` },
  fetch: (request) => fetch(request, { signal: AbortSignal.timeout(10_000) })
})

/** An error of the API, with the stable code that a program can act on. */
function toError (problem: components['schemas']['Problem']): Error {
  return new Error(`${problem.code}: ${problem.detail}`)
}

const { data: me, error } = await signet.GET('/me')
if (error) throw toError(error)
console.log(`Hello, ${me.name ?? me.id}. You came by ${me.accounts.map(({ provider }) => provider).join(', ')}.`)

const { data: sessions } = await signet.GET('/me/sessions', { params: { query: { limit: 5 } } })
for (const { device, current } of sessions?.items ?? []) console.log(`- ${device}${current ? ' (this one)' : ''}`)

const { data: changed } = await signet.PATCH('/me', { body: { locale: 'de' } })
console.log(`Your language is ${changed?.locale}.`)

const { error: refused } = await signet.DELETE('/me/sessions/{id}', {
  params: { path: { id: '00000000-0000-7000-8000-000000000000' } }
})
console.log(`A session that is not yours: ${refused?.code}.`)
