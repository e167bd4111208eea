import t from 'tap'
import { createCookiePolicy } from '../../src/http/cookies.ts'
import { sendToProvider } from '../../src/sign-in/start.ts'
import { createReply } from './reply.ts'

const lifetimes = { attemptSeconds: 600, refreshTokenSeconds: 10, sessionSeconds: 10 }
const cookies = createCookiePolicy('http://localhost', lifetimes)
const attributes = cookies.loginAttempt(true)

/** Sends a browser to a provider. Returns the calls of the reply and of the collaborators. */
async function start (value = 'value', request: object = {}) {
  const { calls, reply } = createReply()
  const asked: unknown[][] = []
  const signIn = {
    start: async (...args: unknown[]) => {
      asked.push(args)
      return { url: 'https://acme', cookie: { name: 'name', value }, provider: { formPost: true } }
    }
  }
  const attempts = {
    surplus: (...args: unknown[]) => {
      asked.push(args)
      return ['old', 'older']
    }
  }
  const options = { signIn: signIn as never, attempts: attempts as never, cookies }
  const whole = { cookies: { jar: 'x' }, headers: {}, ...request } as never
  await sendToProvider(options, whole, reply, 'acme', { mode: 'direct' }, { prompt: [] } as never)
  return { calls, asked }
}

t.test("who is sent to a provider gets the attempt's cookie, and older attempts make room", async (t) => {
  const { calls, asked } = await start()
  t.same(asked, [['acme', { mode: 'direct' }, { prompt: [] }], [{ jar: 'x' }, 9]])
  t.same(calls, [
    ['clearCookie', 'old', attributes],
    ['clearCookie', 'older', attributes],
    ['header', 'cache-control', 'no-store'],
    ['setCookie', 'name', 'value', attributes],
    ['redirect', 'https://acme', 302]
  ])
})

t.test('a cookie of more than 4096 bytes, which browsers ignore, is an error', async (t) => {
  t.same((await start('x'.repeat(4092))).calls.at(-1), ['redirect', 'https://acme', 302])
  await t.rejects(start('x'.repeat(4093)), { code: 'invalid_request', message: /too long for a cookie/ })
})

t.test('a browser keeps the language that ui_locales asked for', async (t) => {
  const html = { accept: 'text/html' }
  const query = { ui_locales: 'de' }
  const languages = async (request: object) => (await start('value', request)).calls
    .filter(([method, name]) => method === 'setCookie' && name === cookies.languageName)
  t.same(await languages({ headers: html, query }), [['setCookie', 'signet-language', 'de', attributes]])
  t.same(await languages({ headers: html, query: {} }), [])
  t.same(await languages({ headers: {}, query }), [], 'a client that is no browser gets none')
})
