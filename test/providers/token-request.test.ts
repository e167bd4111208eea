import { gzipSync } from 'node:zlib'
import t from 'tap'
import { clientOptions, startProviderServer, tokenRequests } from './provider-server.ts'

/** What becomes of the answers to token requests. None of what was sent or received is in an error. */

t.test('every answer is a token set or a Problem', async (t) => {
  let answer: { status?: number, type?: string, encoding?: string, body: string | Buffer }
  const { url } = await startProviderServer(t, (_request, response) => {
    const { status = 200, type = 'application/json', encoding, body } = answer
    response
      .writeHead(status, { 'content-type': type, ...(encoding !== undefined && { 'content-encoding': encoding }) })
      .end(body)
  })
  const good = '{"access_token":"canary-token","token_type":"bearer"}'
  const large = JSON.stringify({ access_token: 'canary-token', padding: 'x'.repeat(2 * 1024 * 1024) })
  const cases: [name: string, answer: typeof answer, reason: string | undefined][] = [
    ['tokens', { body: good }, undefined],
    ['tokens with status 201', { status: 201, body: good }, undefined],
    ['tokens under another type of JSON', { type: 'application/vnd.acme+json; charset=utf-8', body: good }, undefined],
    ['compressed tokens', { encoding: 'gzip', body: gzipSync(good) }, undefined],
    ['compressed tokens, by an old name', { encoding: 'x-gzip', body: gzipSync(good) }, undefined],
    ['tokens under the type of a web page', { type: 'text/html', body: good }, undefined],
    ['tokens after a byte-order mark', { body: `\ufeff${good}` }, undefined],
    ['tokens with status 202', { status: 202, body: good }, 'HTTP 202'],
    ['tokens with status 302', { status: 302, body: good }, 'HTTP 302'],
    ['an error page', { status: 500, type: 'text/html', body: '<h1>canary</h1>' }, 'HTTP 500'],
    ['an OAuth error', { status: 400, body: '{"error":"invalid_client","error_description":"canary"}' }, 'HTTP 400'],
    [
      'an OAuth error with status 200',
      { body: '{"error":"invalid_client","access_token":"canary"}' },
      'it was refused'
    ],
    ['a web page', { body: '<h1>canary</h1>' }, 'the answer is not JSON'],
    ['a web page after a byte-order mark', { body: '\ufeff<h1>canary</h1>' }, 'the answer is not JSON'],
    ['JSON that breaks off', { body: good.slice(0, -5) }, 'the answer is not JSON'],
    ['a prototype', { body: '{"access_token":"canary","__proto__":{"error":1}}' }, 'the answer is not JSON'],
    ['nothing', { body: '' }, 'the answer has no access_token'],
    ['null', { body: 'null' }, 'the answer has no access_token'],
    ['a text', { body: '"canary"' }, 'the answer has no access_token'],
    ['a number', { body: '0' }, 'the answer has no access_token'],
    ['a list', { body: '["canary"]' }, 'the answer has no access_token'],
    ['an object that cannot be text', { body: '{"toString":1,"then":1}' }, 'the answer has no access_token'],
    ['two mebibytes', { body: large }, 'the answer is too large'],
    ['two mebibytes, compressed', { encoding: 'gzip', body: gzipSync(large) }, 'the answer is too large'],
    ['two mebibytes with status 500', { status: 500, body: large }, 'the answer is too large'],
    ['what is not compressed as it says', { encoding: 'gzip', body: good }, 'Z_DATA_ERROR'],
    ['what breaks off, compressed', { encoding: 'gzip', body: gzipSync(good).subarray(0, -12) }, 'Z_BUF_ERROR']
  ]
  for (const [step, work] of Object.entries(tokenRequests(clientOptions(url)))) {
    for (const [name, next, reason] of cases) {
      answer = next
      const outcome = await work().catch((error) => error)
      if (reason === undefined) t.match(outcome, { accessToken: 'canary-token' }, `${step}: ${name}`)
      else {
        const message = `Acme: the token ${step} failed: ${reason}.`
        t.match(outcome, { code: 'provider_error', message }, `${step}: ${name}`)
        t.notMatch(JSON.stringify(outcome, Object.getOwnPropertyNames(outcome)), /canary/)
        t.notOk('cause' in outcome || 'data' in outcome)
      }
    }
  }
})

t.test('only an answer that says that the grant is over is the end of it', async (t) => {
  let answer = { status: 0, body: '' }
  const { url } = await startProviderServer(t, (_request, response) => {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  const { exchange, refresh } = tokenRequests(clientOptions(url))
  const codes = async (status: number, error: unknown) => {
    answer = { status, body: JSON.stringify({ error }) }
    return await Promise.all([refresh, exchange].map(async (work) => await work().catch(({ code }) => code)))
  }
  for (const error of ['interaction_required', 'consent_required', 'login_required', 'account_selection_required']) {
    t.same(await codes(400, error), ['reauthorization_required', 'provider_error'], error)
  }
  for (const status of [200, 400, 401, 403]) {
    t.same(await codes(status, 'invalid_grant'), ['reauthorization_required', 'provider_error'], `${status}`)
    t.same(await codes(status, 'bad_refresh_token'), ['reauthorization_required', 'provider_error'], `${status}`)
    for (const error of ['invalid_client', 'temporarily_unavailable', 'server_error']) {
      t.same(await codes(status, error), ['provider_error', 'provider_error'], `${status} ${error}`)
    }
  }
  for (const status of [500, 503]) {
    t.same(await codes(status, 'invalid_grant'), ['provider_error', 'provider_error'], `${status}`)
  }
})

t.test("a state that is not the login's own reaches no provider", async (t) => {
  const { url, requests } = await startProviderServer(t, (_request, response) => response.end())
  const { createOAuthClient } = await import('../../src/providers/oauth-client.ts')
  const client = createOAuthClient(clientOptions(url))
  const [one, other] = [await client.authorize(), await client.authorize()]
  for (const [state, secrets] of [
    [one.secrets.state, other.secrets],
    ['', one.secrets],
    [one.secrets.state.slice(0, -1), one.secrets],
    ['', { ...one.secrets, state: '' }]
  ] as const) {
    const response = {
      code: 'the-code',
      state,
      iss: undefined,
      user: undefined,
      secrets,
      signal: AbortSignal.timeout(5_000)
    }
    await t.rejects(client.exchange(response), { code: 'invalid_state' })
  }
  t.equal(requests(), 0)
})
