import { createRequire } from 'node:module'
import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { providerClients } from '../../src/providers/plugin.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'

// In a process of its own: other tests load the plugin.

async function start (t: Test, environment: Record<string, string>): Promise<void> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(providerClients, { providers: createProviders(readSettings(environment).providers) })
  await app.ready()
}

t.test('without a provider the plugin is not even loaded', async (t) => {
  const isLoaded = () =>
    Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/simple-oauth2/'))
  await start(t, {})
  t.notOk(isLoaded())
  await start(t, { GITHUB_CLIENT_ID: 'the-id', GITHUB_CLIENT_SECRET: 'the-secret' })
  t.ok(isLoaded())
})
