import { createHmac } from 'node:crypto'
import t from 'tap'
import { confirmationSecret, isConfirmed, providerLinks } from '../../src/oauth2/provider-links.ts'
import { en } from '../../src/texts/en.ts'
import { createReply } from '../sign-in/reply.ts'
import { cookies } from './pages.ts'

const providers = [{ id: 'github', name: 'GitHub' }, { id: 'acme', name: 'Acme' }]
const SECRET = 's'.repeat(43)
const NAME = '__Host-signet-confirmation'
const REQUEST = { client_id: 'a', state: 'b&c', resource: ['https://one', 'https://two'], scope: ['x', 'y'], nonce: 1 }
const NONE = { usedLast: undefined, secret: undefined }

/** The query of each link, in order. */
function queries (parameters: object, more: object = {}, of = providers) {
  const { text } = providerLinks(en, parameters as never, of, { ...NONE, ...more })
  return [...text.matchAll(/href="\?([^"]*)"/g)].map(([, query = '']) =>
    new URLSearchParams(query.replaceAll('&amp;', '&')))
}

t.test('each link repeats the request for its provider', async (t) => {
  const [one, other, ...more] = queries({ ...REQUEST, provider: 'old', confirmation: 'old' })
  t.same(more, [])
  const expected = [['client_id', 'a'], ['state', 'b&c'], ['resource', 'https://one'], ['resource', 'https://two']]
  t.strictSame([...one ?? []], [...expected, ['provider', 'github']])
  t.strictSame([...other ?? []], [...expected, ['provider', 'acme']])
  const names = (more: object) => queries(REQUEST, more).map((query) => query.get('provider'))
  t.same(names({ usedLast: 'acme' }), ['acme', 'github'])
  t.same(names({ usedLast: 'gone' }), ['github', 'acme'])
  t.match(providerLinks(en, REQUEST, [], NONE).text, `<p>${en.signIn.none}</p>`)
})

t.test('a link is confirmed by the secret of its browser, for its request and provider', async (t) => {
  const [link] = queries(REQUEST, { secret: SECRET })
  const confirmation = link?.get('confirmation') ?? ''
  const signed = new URLSearchParams([...link ?? []].filter(([name]) => name !== 'confirmation'))
  t.equal(confirmation, createHmac('sha256', SECRET).update(`${signed}`).digest('base64url'))
  const clicked = { ...REQUEST, provider: 'github', confirmation }
  const browser = { accept: 'text/html' }
  const usual = { parameters: clicked as object, provider: 'github', jar: { [NAME]: SECRET }, headers: browser }
  const isGood = (change: Partial<Record<keyof typeof usual, unknown>> = {}) => {
    const { parameters, provider, jar, headers } = { ...usual, ...change }
    return isConfirmed({ headers, cookies: jar } as never, parameters as never, provider as string, cookies)
  }
  t.equal(isGood(), true)
  t.equal(isGood({ provider: 'acme' }), false)
  for (const change of [
    { state: 'other' }, { confirmation: undefined }, { confirmation: 'c'.repeat(43) }, { confirmation: 'c' },
    { confirmation: `${confirmation}x` }, { confirmation: `x${confirmation}` }, { confirmation: [confirmation] }
  ]) t.equal(isGood({ parameters: { ...clicked, ...change } }), false, JSON.stringify(change))
  t.equal(isGood({ jar: {} }), false)
  for (const secret of ['t'.repeat(43), 's', `${SECRET}x`, `x${SECRET}`]) {
    t.equal(isGood({ jar: { [NAME]: secret } }), false, secret)
  }
  t.equal(isGood({ jar: {}, headers: {} }), true, 'no page makes a client that is no browser send a request')
  t.equal(isGood({ jar: {}, headers: { 'sec-fetch-site': 'none' } }), false, 'a script of a page')
  t.equal(isGood({ headers: { 'sec-fetch-site': 'none' } }), true)
})

t.test('all pages of a browser share the secret, which is random', async (t) => {
  const made = (jar: object) => {
    const { calls, reply } = createReply()
    const secret = confirmationSecret({ cookies: jar } as never, reply, cookies)
    t.same(calls, [['setCookie', NAME, secret, cookies.confirmation]])
    return secret
  }
  t.equal(made({ [NAME]: SECRET }), SECRET)
  t.match(made({}), /^[\w-]{43}$/)
  t.not(made({}), made({}))
  t.not(made({ [NAME]: 's' }), 's', 'a cookie that holds none is replaced')
})
