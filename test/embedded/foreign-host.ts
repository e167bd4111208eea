import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { signet } from 'signet-server'
import type { Test } from 'tap'
import { createDatabase } from '../database.ts'
import { OCTOCAT, startFakeGitHub } from '../fakes/github.ts'
import { freePort } from '../free-port.ts'
import { ENCRYPTION_KEYS } from '../helper.ts'

export const PREFIX = '/auth'
export const CLIENT = { client_id: 'spa', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }

export interface ForeignHost {
  app: FastifyInstance
  /** Where the host listens. */
  url: string
  issuerUrl: string
  github: Awaited<ReturnType<typeof startFakeGitHub>>
  log: () => string
}

export interface ForeignHostOptions {
  server?: FastifyServerOptions
  settings?: Record<string, string>
  /** What the host does before Signet is registered. */
  before?: (app: FastifyInstance) => Promise<void> | void
  after?: (app: FastifyInstance) => Promise<void> | void
}

/** Settings of a Signet at `url`, on a private database. */
export async function hostSettings (t: Test, url: string): Promise<Record<string, string>> {
  const database = await createDatabase()
  t.teardown(() => database.giveBack())
  return {
    ISSUER_URL: url + PREFIX,
    DATABASE_URL: database.url,
    ENCRYPTION_KEYS,
    RATE_LIMITS: 'off',
    DATABASE_POOL_SIZE: '3',
    CLIENTS: JSON.stringify([CLIENT])
  }
}

/** A host app, with Signet below /auth and GitHub as its provider; closed with the test. */
export async function startForeignHost (t: Test, options: ForeignHostOptions = {}): Promise<ForeignHost> {
  const { server = {}, settings = {}, before, after } = options
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  github.user(OCTOCAT)
  const port = await freePort()
  const url = `http://localhost:${port}`
  const lines: string[] = []
  const logger = { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } }
  const app: FastifyInstance = Fastify({ logger, pluginTimeout: 60_000, ...server } as FastifyServerOptions)
  const all = { ...await hostSettings(t, url), ...github.settings, ...settings }
  await before?.(app)
  await app.register(signet, { prefix: PREFIX, settings: all })
  await after?.(app)
  t.teardown(() => app.close())
  await app.listen({ port, host: '127.0.0.1' })
  return { app, url, issuerUrl: url + PREFIX, github, log: () => lines.join('') }
}
