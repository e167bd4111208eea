import t from 'tap'
import { Problem } from '../../src/http/errors.ts'
import type { ProblemCode } from '../../src/http/problem-catalogue.ts'
import { signInErrorPage } from '../../src/sign-in/sign-in-error-page.ts'

const { provider, nextSteps } = signInErrorPage('https://id', new Map([['acme', { id: 'acme', name: 'Acme' }]]) as never)
const texts = { common: { tryAgain: 'again', chooseAnotherWay: 'another way' } }

/** The steps after an error: at the start of a login or, with a method, at its callback. */
function steps (code: ProblemCode, { method = '', id = 'acme', query = '?ui_locales=de' } = {}) {
  const callback = method === '' ? '' : '/callback'
  const request = {
    method: method || 'GET',
    url: `/login/${id}${callback}${query}`,
    routeOptions: { url: `/login/:provider${callback}` },
    params: { provider: id }
  }
  return nextSteps?.(texts as never, new Problem(code), request as never)?.map(({ href, text }) => [text, href])
}

const AGAIN = 'https://id/login/acme?ui_locales=de'
const ANOTHER_WAY = 'https://id/login?ui_locales=de'

t.test('what may pass can be tried again, and most errors have another way', async (t) => {
  const retry = ['again', AGAIN]
  const choose = ['another way', ANOTHER_WAY]
  for (const code of ['access_denied', 'provider_error', 'provider_timeout', 'internal_error'] as const) {
    t.same(steps(code), [retry, choose], code)
  }
  for (const code of ['rate_limited', 'service_unavailable'] as const) t.same(steps(code), [retry], code)
  for (const code of ['invalid_return_to', 'invalid_request', 'validation_failed'] as const) {
    t.same(steps(code), [], code)
  }
  for (const code of ['account_disabled', 'unknown_provider'] as const) t.same(steps(code), [choose], code)
  t.same(steps('invalid_state'), [['again', ANOTHER_WAY]], 'the other way is to begin anew')
})

t.test('after a callback the login begins anew, without what the provider sent', async (t) => {
  const anew = [['again', 'https://id/login/acme'], ['another way', 'https://id/login']]
  for (const method of ['GET', 'POST']) t.same(steps('provider_error', { method }), anew)
  t.same(steps('service_unavailable', { method: 'POST' }), [['again', 'https://id/login/acme']])
  t.same(steps('service_unavailable', { method: 'GET', query: '?code=c' }),
    [['again', 'https://id/login/acme/callback?code=c']], 'nothing was spent: it may be loaded again')
  t.same(steps('provider_error', { method: 'GET', id: 'gone', query: '?code=c' }),
    [['again', 'https://id/login/gone/callback?code=c'], ['another way', 'https://id/login']])
})

t.test('the page names the provider', async (t) => {
  t.equal(provider?.({ params: { provider: 'acme' } } as never), 'Acme')
  t.equal(provider?.({ params: { provider: 'gone' } } as never), undefined)
  t.equal(provider?.({ params: {} } as never), undefined)
})
