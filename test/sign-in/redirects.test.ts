import t from 'tap'
import { OAuthError, Problem } from '../../src/http/errors.ts'
import { noteOrigin } from '../../src/http/failure-origin.ts'
import { cancelCode, cancelCookie } from '../../src/sign-in/cancel.ts'
import {
  redirectBack, redirectCode, redirectWithError, responseTo, returnUrl
} from '../../src/sign-in/redirects.ts'
import { createReply } from './reply.ts'

const back = { redirectUri: 'https://app/cb?tenant=1&state=old', state: 'st', issuerUrl: 'https://id' }

t.test('a response has the state of the request and the issuer (RFC 9207)', async (t) => {
  t.strictSame(responseTo(back, { code: 'c' }), { code: 'c', state: 'st', iss: 'https://id' })
  t.strictSame(responseTo({ ...back, state: undefined }, { code: 'c' }), { code: 'c', iss: 'https://id' })
  t.equal(returnUrl(back, { code: 'c d' }), 'https://app/cb?tenant=1&state=st&code=c+d&iss=https%3A%2F%2Fid')
})

t.test('it is a 302 that no cache keeps', async (t) => {
  const { calls, reply } = createReply()
  await redirectBack(reply, back, { code: 'c' })
  t.same(calls, [['header', 'cache-control', 'no-store'], ['redirect', returnUrl(back, { code: 'c' }), 302]])
})

t.test('an error travels in printable ASCII', async (t) => {
  const { calls, reply } = createReply()
  await redirectWithError(reply, { ...back, requestId: 'r-1' }, new OAuthError('invalid_scope', 'no "é"'))
  const url = new URL(String(calls.at(-1)?.[1]))
  t.strictSame(Object.fromEntries(url.searchParams), {
    tenant: '1', error: 'invalid_scope', error_description: "no '?'", state: 'st', iss: 'https://id'
  })
})

t.test('each error has a code of RFC 6749 section 4.1.2.1, or one of ours', async (t) => {
  const away = noteOrigin(new Problem('provider_error', 'words'), { providerError: 'temporarily_unavailable' })
  const cases: [unknown, string, string][] = [
    [new OAuthError('login_required', 'words'), 'login_required', 'words'],
    [new Problem('sign_up_closed', 'words'), 'access_denied', 'words'],
    [new Problem('email_not_allowed', 'words'), 'access_denied', 'words'],
    [new Problem('account_disabled', 'words'), 'account_disabled', 'words'],
    [new Problem('provider_error', 'words'), 'server_error', 'words Request r-1'],
    [away, 'temporarily_unavailable', 'words Request r-1'],
    [new Problem('provider_timeout', 'words'), 'temporarily_unavailable', 'words Request r-1'],
    [new Problem('service_unavailable', 'words'), 'temporarily_unavailable', 'words Request r-1'],
    [new Problem('internal_error', 'a secret'), 'server_error', 'Something went wrong here. Request r-1'],
    [new Error('a secret'), 'server_error', 'Something went wrong here. Request r-1']
  ]
  for (const [error, code, description] of cases) t.same(redirectCode(error, 'r-1'), [code, description])
  t.same(redirectCode(new Problem('provider_error', 'words')), ['server_error', 'words'])
})

t.test('a person who cancels goes back to the app with access_denied', async (t) => {
  const hrefOf = (text: string) => new URL((/href="([^"]*)"/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&'))
  const cancelled = { error: 'access_denied', error_description: 'The person cancelled the sign-in.' }
  const link = cancelCode('Cancel', back).text
  t.match(link, '>Cancel</a>')
  t.strictSame(Object.fromEntries(hrefOf(link).searchParams), {
    tenant: '1', state: 'st', ...cancelled, iss: 'https://id'
  })
  const cookie = hrefOf(cancelCookie('Cancel', 'https://app/page?error=old#top').text)
  t.equal(cookie.origin + cookie.pathname + cookie.hash, 'https://app/page#top')
  t.strictSame(Object.fromEntries(cookie.searchParams), cancelled)
  const form = cancelCode('Cancel', { ...back, responseMode: 'form_post' }).text
  t.match(form, '<form method="post" action="https://app/cb?tenant=1&amp;state=old">')
  const fields = [...form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)]
  t.strictSame(Object.fromEntries(fields.map(([, name, value]) => [name, value])), {
    ...cancelled, state: 'st', iss: 'https://id'
  })
})
