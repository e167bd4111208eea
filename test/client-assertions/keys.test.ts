import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { createDocumentReader } from '../../src/client-assertions/documents.ts'
import { createAssertionKeys } from '../../src/client-assertions/keys.ts'
import { answerHtml, answerJson, type FakeAnswer } from '../fakes/answers.ts'
import { startHttpFake } from '../fakes/http-fake.ts'

let answer = (): FakeAnswer => answerJson({})
const ci = await startHttpFake(() => answer())
t.teardown(() => ci.close())
const DISCOVERY = '/.well-known/openid-configuration'

const UNREADABLE: Record<string, [answer: () => FakeAnswer, reason: string]> = {
  'no document': [() => answerJson({}, { status: 404 }), 'HTTP 404'],
  'a redirect': [() => answerJson({}, { status: 302, headers: { location: 'https://evil.example/' } }), 'HTTP 302'],
  'a page': [() => answerHtml('<p>Hello'), 'the answer is not JSON'],
  'more than 64 KiB': [() => answerJson({ a: 'x'.repeat(64 * 1024) }), 'the answer is too slow, or longer than 64 KiB'],
  'another issuer': [
    () => answerJson({ issuer: `${ci.url}/other`, jwks_uri: `${ci.url}/jwks` }), 'the document names another issuer'
  ],
  'no issuer': [() => answerJson({ jwks_uri: `${ci.url}/jwks` }), 'the document names another issuer'],
  'a document that is no object': [() => answerJson(null), 'the document names another issuer'],
  'no jwks_uri': [() => answerJson({ issuer: ci.url }), 'jwks_uri is missing or not a safe URL'],
  'a jwks_uri that is no text': [
    () => answerJson({ issuer: ci.url, jwks_uri: [`${ci.url}/jwks`] }), 'jwks_uri is missing or not a safe URL'
  ],
  'a jwks_uri that is a file': [
    () => answerJson({ issuer: ci.url, jwks_uri: 'file:///etc/passwd' }), 'jwks_uri is missing or not a safe URL'
  ],
  'a jwks_uri without TLS': [
    () => answerJson({ issuer: ci.url, jwks_uri: 'http://keys.example/jwks' }), 'jwks_uri is missing or not a safe URL'
  ]
}

t.test('an issuer whose document cannot be read, or is not its own, has no keys, and the error says why', async (t) => {
  for (const [what, [behaviour, reason]] of Object.entries(UNREADABLE)) {
    answer = behaviour
    const keys = createAssertionKeys(createDocumentReader({ allowPrivate: true }))
    const message = `${ci.url}${DISCOVERY}: the keys failed: ${reason}.`
    await t.rejects(keys.ofIssuer(ci.url), { code: 'provider_error', message }, what)
  }
})

t.test('the document is read once in an hour; after a failure not for ten seconds', async (t) => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  const calls = () => ci.calls(DISCOVERY).length
  const keys = createAssertionKeys(createDocumentReader({ allowPrivate: true }))
  const at = now()
  const before = calls()
  answer = () => answerJson({}, { status: 500 })
  Date.now = () => at
  await t.rejects(keys.ofIssuer(ci.url))
  answer = () => answerJson({ issuer: ci.url, jwks_uri: `${ci.url}/jwks` })
  Date.now = () => at + 9_999
  await t.rejects(keys.ofIssuer(ci.url))
  t.equal(calls() - before, 1)
  Date.now = () => at + 10_000
  await Promise.all([keys.ofIssuer(ci.url), keys.ofIssuer(ci.url)])
  t.equal(calls() - before, 2, 'once for all who ask at the same time')
  Date.now = () => at + 10_000 + 3_599_999
  await keys.ofIssuer(ci.url)
  t.equal(calls() - before, 2)
  Date.now = () => at + 10_000 + 3_600_000
  await keys.ofIssuer(ci.url)
  t.equal(calls() - before, 3)
})

t.test('a name is asked of the name servers: a silent one occupies no thread of the process', async (t) => {
  const { lookup } = dns
  t.teardown(() => {
    dns.lookup = lookup
    syncBuiltinESMExports()
  })
  const asked: string[] = []
  // `lookup` has many overloads; this is the one that is called.
  dns.lookup = (async (name: string) => {
    asked.push(name)
    throw new Error('away')
  }) as never
  syncBuiltinESMExports()
  await t.rejects(createDocumentReader({ allowPrivate: false })('https://silent.invalid/jwks'))
  t.same(asked, [])
  await t.rejects(createDocumentReader({ allowPrivate: true })('https://inner.invalid/jwks'))
  t.same(asked, ['inner.invalid'], 'the network of the operator has names of its own')
})
