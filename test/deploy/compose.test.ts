import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DCLinter } from 'dclint'
import t from 'tap'
import { parse } from 'yaml'
import { readSettings } from '../../src/settings.ts'
import { DEV_CLIENT } from '../../tools/dev-idp/provider.ts'
import { readStages } from './dockerfile.ts'

interface Service {
  image?: string
  build?: { context: string, target: string }
  network_mode?: string
  depends_on?: Record<string, { condition: string }>
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  healthcheck?: { test: string[] }
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
}

const root = join(import.meta.dirname, '..', '..')
const file = join(root, 'docker-compose.yml')
const { services, volumes }: { services: Record<string, Service>, volumes: Record<string, unknown> } = parse(
  await readFile(file, 'utf8'),
  { merge: true }
)
const ours = Object.entries(services).filter(([, { build }]) => build)
const api = services['api']!
const idp = services['dev-idp']!
const apiSettings = api.environment!
const idpSettings = idp.environment!

t.test('the linter, which knows the schema of the Compose Specification, has nothing to say', async (t) => {
  const rules = { 'service-keys-order': 0, 'top-level-properties-order': 0 } as const
  const [result] = new DCLinter({ rules, quiet: false, debug: false, exclude: [] }).lintFiles([file], false)
  t.equal(result?.filePath, file)
  t.strictSame(result?.messages, [])
})

t.test('the issuer has one URL, for the browser and for the API', async (t) => {
  const issuer = apiSettings['OIDC_DEV_ISSUER']!
  const { hostname, port } = new URL(issuer)
  t.equal(hostname, 'localhost')
  t.equal(idpSettings['DEV_IDP_ISSUER'], issuer)
  t.equal(idp.network_mode, 'service:api', 'in the container of the API, localhost is the identity provider too')
  t.equal(idpSettings['DEV_IDP_PORT'], port)
  t.equal(idpSettings['DEV_IDP_HOST'], '0.0.0.0')
  t.ok(api.ports?.includes(`127.0.0.1:${port}:${port}`), 'in the browser, too')
  t.equal(idp.ports, undefined, 'a service without a network of its own cannot publish')
  t.ok(idp.depends_on?.['api'])
})

t.test('the API is where its issuer URL says', async (t) => {
  const { origin, port } = new URL(apiSettings['ISSUER_URL']!)
  t.equal(origin, apiSettings['ISSUER_URL'])
  t.equal(apiSettings['PORT'], port)
  t.equal(apiSettings['HOST'], '0.0.0.0')
  t.ok(api.ports?.includes(`127.0.0.1:${port}:${port}`))
})

t.test('the identity provider knows the API as its client', async (t) => {
  t.equal(apiSettings['OIDC_DEV_CLIENT_ID'], DEV_CLIENT.client_id)
  t.equal(apiSettings['OIDC_DEV_CLIENT_SECRET'], DEV_CLIENT.client_secret)
  t.equal(idpSettings['DEV_IDP_REDIRECT_URI'], `${apiSettings['ISSUER_URL']}/login/dev/callback`)
})

t.test('Signet accepts the settings of the API', async (t) => {
  const withoutDotEnv = Object.fromEntries(
    Object.entries(apiSettings).map(([name, value]) => [name, value.replace(/\$\{\w+:\+.*\}/, '')])
  )
  const { production, providers, issuerUrl } = readSettings(withoutDotEnv)
  t.equal(production, false)
  t.equal(issuerUrl, apiSettings['ISSUER_URL'])
  t.match(providers, [{ id: 'dev', kind: 'oidc', issuer: apiSettings['OIDC_DEV_ISSUER'], emailTrusted: true }])
})

t.test('the API reaches the database and the Redis that are there', async (t) => {
  const database = new URL(apiSettings['DATABASE_URL']!)
  const {
    POSTGRES_USER: user,
    POSTGRES_PASSWORD: password,
    POSTGRES_DB: name
  } = services[database.hostname]!.environment!
  t.strictSame([database.username, database.password, database.pathname], [user, password, `/${name}`])
  t.ok(services[new URL(apiSettings['REDIS_URL']!).hostname])
})

t.test('who waits for the health of a service waits for one that has a health check', async (t) => {
  const awaited = Object.values(services)
    .flatMap(({ depends_on: dependencies = {} }) => Object.entries(dependencies))
    .filter(([, { condition }]) => condition === 'service_healthy')
    .map(([name]) => name)
  t.strictSame(awaited.sort(), ['postgres', 'redis'])
  for (const name of awaited) t.ok(services[name]?.healthcheck?.test, name)
})

t.test('every secret is one that everybody may know', async (t) => {
  const values = Object.values(services)
    .flatMap(({ environment = {} }) => Object.entries(environment))
    .flatMap(([name, value]) => {
      if (/SECRET|PASSWORD|TOKEN|KEY/.test(name)) return [value]
      return URL.canParse(value) && new URL(value).password !== '' ? [new URL(value).password] : []
    })
  t.equal(values.length, 3)
  for (const value of values) t.match(value, /\bdev\b/)
})

t.test('every volume in use is declared, and every declared one in use', async (t) => {
  const used = Object.values(services)
    .flatMap(({ volumes = [] }) => volumes)
    .map((volume) => volume.split(':')[0]!)
  t.strictSame(used.sort(), Object.keys(volumes).sort())
})

t.test('PostgreSQL keeps its data in the volume', async (t) => {
  const { image, volumes } = services['postgres']!
  const major = Number(/^postgres:(\d+)\.\d+/.exec(image!)?.[1])
  t.ok(major >= 18, 'from 18 on the data is in a folder of its own below this one')
  t.strictSame(volumes, ['postgres-data:/var/lib/postgresql'])
})

t.test('the API keeps its generated key in the volume', async (t) => {
  t.strictSame(api.volumes, ['api-data:/app/.data'])
})

t.test('images of others have an exact version', async (t) => {
  const images = Object.values(services).flatMap(({ image = [] }) => image)
  t.equal(images.length, 2)
  for (const image of images) t.match(image, /:\d+\.\d+/)
})

t.test('images of our own are stages of the Dockerfile', async (t) => {
  const stages = readStages(await readFile(join(root, 'Dockerfile'), 'utf8')).map(({ name }) => name)
  t.strictSame(
    ours.map(([, { build }]) => build?.target),
    ['runtime', 'dev-idp']
  )
  for (const [name, { build }] of ours) t.ok(stages.includes(build!.target), name)
})

t.test('what is built here runs read-only and without privileges', async (t) => {
  for (const [name, service] of ours) {
    t.equal(service.read_only, true, name)
    t.strictSame(service.cap_drop, ['ALL'], name)
    t.strictSame(service.security_opt, ['no-new-privileges:true'], name)
  }
})
