import Fastify from 'fastify'
import { signet } from 'signet-server'
import t, { type Test } from 'tap'
import { eventually, readJson } from '../helper.ts'
import { hostSettings, startForeignHost } from './foreign-host.ts'

/** What `register` throws for these options. */
async function failure (t: Test, options: object, settings: Record<string, string | undefined> = {}): Promise<string> {
  const app = Fastify()
  t.teardown(() => app.close())
  const all = { ...await hostSettings(t, 'https://example.com'), ...settings }
  try {
    await app.register(signet, { prefix: '/auth', settings: all, ...options })
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

t.test('mistakes in the settings are told as npm start tells them, all at once and without secrets', async (t) => {
  const message = await failure(t, {}, {
    ENCRYPTION_KEYS: 'k1:a-secret', ACCESS_TOKEN_TTL: 'x', GITHUB_CLIENT_ID: 'x'
  })
  t.match(message, /^The settings have \d mistakes:\n/)
  for (const name of ['ENCRYPTION_KEYS', 'ACCESS_TOKEN_TTL', 'GITHUB_CLIENT_SECRET']) t.match(message, name)
  t.notMatch(message, 'a-secret')
  t.match(await failure(t, {}, { NODE_ENV: 'production', DATABASE_URL: undefined }), 'DATABASE_URL is required')
})

t.test('the prefix is a path, and the one of ISSUER_URL', async (t) => {
  for (const prefix of ['', '/', 'auth', '/auth/', '/:auth', '/*', undefined]) {
    t.match(await failure(t, { prefix }), 'prefix must be a path', String(prefix))
  }
  t.match(await failure(t, { prefix: '/id' }), 'ISSUER_URL must end with the prefix: https://example.com/id')
  t.match(await failure(t, { prefix: '/login' }, { ISSUER_URL: 'https://example.com/login' }), 'ISSUER_URL')
})

t.test('the plugin belongs on the app itself, because /.well-known stands at the root', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const settings = await hostSettings(t, 'https://example.com')
  app.register(async (scope) => { await scope.register(signet, { prefix: '/auth', settings }) }, { prefix: '/v1' })
  await t.rejects(async () => await app.ready(), /must be registered on the app itself, and not below "\/v1"/)
})

t.test('a database that cannot be used is named without its password', async (t) => {
  const message = await failure(t, {}, { DATABASE_URL: 'postgresql://me:a-secret@127.0.0.1:9/none' })
  t.match(message, 'The database of DATABASE_URL cannot be used')
  t.notMatch(message, 'a-secret')
})

t.test('the three documents stand where the standards look for them', async (t) => {
  const { url, issuerUrl } = await startForeignHost(t)
  for (const [path, member] of [
    ['/.well-known/oauth-authorization-server/auth', 'issuer'],
    ['/.well-known/openid-configuration/auth', 'issuer'],
    ['/auth/.well-known/openid-configuration', 'issuer'],
    ['/.well-known/oauth-protected-resource/auth', 'resource']
  ] as const) {
    const response = await fetch(url + path)
    t.equal(response.status, 200, path)
    t.equal(response.headers.get('access-control-allow-origin'), '*', path)
    t.equal((await readJson(response))[member], issuerUrl, path)
  }
  t.equal((await fetch(`${url}/.well-known/openid-configuration`)).status, 404, 'the host itself is no issuer')
})

t.test('Signet runs its jobs while the host listens, and ends with it', async (t) => {
  const { app, log, issuerUrl } = await startForeignHost(t)
  await eventually('the job runner works', () => log().includes('"component":"jobs"'))
  t.equal((await fetch(`${issuerUrl}/readyz`)).status, 200)
  await app.close()
  await t.rejects(app.signet.users.find(crypto.randomUUID()), 'its pool is closed')
})
