import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import { readJson, setup } from '../helper.ts'

// That it holds every route is shown by test/flows/route-matrix.test.ts.
t.test('the description is valid OpenAPI 3.1, and each route has its answers', async (t) => {
  const { url } = await setup(t)
  const document = await readJson(await fetch(`${url}/openapi.json`))
  t.match(document.openapi, /^3\.1\./)
  t.same((await new Validator().validate(document)).errors ?? [], [])
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
  t.match(await page.text(), /<h1>Too many requests<\/h1>/)
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
