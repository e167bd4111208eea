import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import { DOCS_CLIENT_ID } from '../../src/clients/own-clients.ts'
import { PROBLEMS } from '../../src/http/problem-catalogue.ts'
import { SCOPES } from '../../src/tokens/scope.ts'
import { readJson, setup } from '../helper.ts'

// That it holds every route is shown by test/flows/route-matrix.test.ts.
t.test('the description is valid OpenAPI 3.1, and each route has its answers', async (t) => {
  const { url } = await setup(t)
  const document = await readJson(await fetch(`${url}/openapi.json`))
  t.match(document.openapi, /^3\.1\./)
  t.same((await new Validator().validate(document)).errors ?? [], [])
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  for (const path of ['/openapi.json', '/docs/json']) {
    const { paths } = await readJson(await fetch(url + path))
    t.same(paths['/me'].get.responses[401].content, problem, `${path} has each schema once`)
  }
  const operations = Object.entries<Record<string, { responses: object, summary: string }>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation }))
  )
  for (const { name, operation } of operations) {
    t.ok(operation.summary, `${name} has a summary`)
    t.ok(Object.keys(operation.responses).length > 0, `${name} has answers`)
  }
})

t.test('the page runs scripts of this origin only', async (t) => {
  const { url } = await setup(t)
  const page = await fetch(`${url}/docs/`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), "script-src 'self';")
  t.notMatch(await page.text(), /<script>|https?:\/\/(?!localhost)/)
})

t.test('a route that takes an access token takes one of a sign-in at /docs', async (t) => {
  const { url } = await setup(t)
  const { components, paths } = await readJson(await fetch(`${url}/openapi.json`))
  const { authorizationUrl, tokenUrl, scopes } = components.securitySchemes.oauth2.flows.authorizationCode
  t.same([authorizationUrl, tokenUrl], [`${url}/oauth2/authorize`, `${url}/oauth2/token`])
  t.same(Object.keys(scopes).filter((scope) => !SCOPES.includes(scope)), [])
  t.same(paths['/me'].get.security, [{ bearer: [] }, { oauth2: [] }])
  t.same(paths['/'].get.security, [{}, { bearer: [] }, { oauth2: [] }])
  t.same(paths['/revocations'].get.security, [{ client: [] }])
  t.notOk(paths['/healthz'].get.security)
})

t.test('the client of /docs is public, and for its own page and the code grant alone', async (t) => {
  const { url, app } = await setup(t, { APP_NAME: 'Acme' })
  const authorize = async (redirectUri: string) => {
    const query = new URLSearchParams({
      client_id: DOCS_CLIENT_ID,
      redirect_uri: redirectUri,
      response_type: 'code',
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256'
    })
    return await fetch(`${url}/oauth2/authorize?${query}`, { headers: { accept: 'text/html' } })
  }
  const page = await authorize(`${url}/docs/static/oauth2-redirect.html`)
  t.equal(page.status, 200)
  t.match(await page.text(), /<h1>[^<]*Acme/)
  t.equal((await authorize(`${url}/docs/`)).status, 400)
  t.equal((await authorize('https://evil.example/docs/static/oauth2-redirect.html')).status, 400)

  const body = new URLSearchParams({ client_id: DOCS_CLIENT_ID, scope: 'openid' })
  const device = await fetch(`${url}/oauth2/device_authorization`, { method: 'POST', body })
  t.match(await readJson(device), { error: 'unauthorized_client' })

  const redirect = await app.inject('/docs/static/oauth2-redirect.html')
  t.equal(redirect.statusCode, 200)
  t.match(redirect.headers['content-security-policy'], "script-src 'self';")
  t.notMatch(redirect.body, /<script>/, 'it has no script of its own')
})

t.test('every problem code that a route names has its explanation', async (t) => {
  const { url } = await setup(t)
  const document = await readJson(await fetch(`${url}/openapi.json`))
  const codes = new Set(
    [...JSON.stringify(document.paths).matchAll(/"description":"(`[^"]+`)"/g)].flatMap(([, list = '']) =>
      [...list.matchAll(/`(\w+)`/g)].map(([, code]) => code)
    )
  )
  t.ok(codes.size > 8)
  for (const code of codes) t.match(await readJson(await fetch(`${url}/problems/${code}`)), { code, advice: /./ })
  const page = await fetch(`${url}/problems/rate_limited`, { headers: { accept: 'text/html' } })
  t.match(await page.text(), /<h1>rate_limited<\/h1>[^]*Too many requests\./)
  const { problems } = await readJson(await fetch(`${url}/problems`))
  t.strictSame(problems.map(({ code }: { code: string }) => code), Object.keys(PROBLEMS), 'the list has them all')
  const list = await (await fetch(`${url}/problems`, { headers: { accept: 'text/html' } })).text()
  for (const code of Object.keys(PROBLEMS)) t.match(list, `href="${url}/problems/${code}"`)
})

t.test('a request body of /me or /admin is closed: a member that the schema does not name is refused', async (t) => {
  const { url } = await setup(t)
  const document = await readJson(await fetch(`${url}/openapi.json`))
  interface Operation {
    requestBody?: { content: Record<string, { schema: Record<string, unknown> }> }
  }
  const bodies = Object.entries<Record<string, Operation>>(document.paths)
    .filter(([path]) => /^\/(me|admin)(\/|$)/.test(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { requestBody }]) => ({ route: `${method} ${path}`, requestBody }))
    )
    .flatMap(({ route, requestBody }) =>
      Object.values(requestBody?.content ?? {}).map(({ schema }) => ({ route, schema }))
    )
  t.ok(bodies.length > 8)
  const open = bodies.filter(({ schema }) => schema['additionalProperties'] !== false).map(({ route }) => route)
  t.same([...new Set(open)], ['put /me/preferences', 'patch /me/preferences'], "these are objects of the client's own")
})
