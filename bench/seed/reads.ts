import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { buildApp, type AppSettings } from '../../src/app.ts'
import { createAccessTokens } from '../../src/tokens/access-tokens.ts'
import { createKeyRepository } from '../../src/keys/repository.ts'
import { createKeyService } from '../../src/keys/service.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { ADMIN_ID, ADMIN_SESSION_ID, WEBHOOK_ID } from './people.ts'

/** Every list of /admin with each of its filters, and every read of /me. */
export const READS = [
  '/me', '/me/accounts', '/me/sessions', '/me/activity', '/me/preferences', '/me/export',
  '/admin/users', '/admin/users?query=person4242', '/admin/users?query=ada%20smi', '/admin/users?query=root',
  '/admin/users?query=unmatched', '/admin/users?status=active', '/admin/users?status=disabled',
  '/admin/users?provider=github', '/admin/users?provider=rare', '/admin/users?query=ada&status=disabled',
  '/admin/users?query=ada&provider=google', '/admin/users?query=ada&provider=rare',
  `/admin/users/${ADMIN_ID}`,
  '/admin/clients', '/admin/keys',
  '/admin/audit-events', '/admin/audit-events?type=login.succeeded', '/admin/audit-events?type=account.unlinked',
  '/admin/audit-events?type=client.created', `/admin/audit-events?userId=${ADMIN_ID}`,
  `/admin/audit-events?userId=${ADMIN_ID}&type=login.succeeded`,
  '/admin/audit-events?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z',
  '/admin/audit-events?type=login.failed&from=2026-06-01T00:00:00Z',
  '/admin/webhooks', `/admin/webhooks/${WEBHOOK_ID}/deliveries`
]

/** Lists whose deep pages must cost what the first page costs. */
export const DEEP = ['/admin/users', '/admin/audit-events']

export interface Reader {
  app: FastifyInstance
  get: (path: string) => Promise<{ status: number, body: { nextCursor?: string | null }, ms: number }>
  /** The SELECT statements that a call sends to the database, with their values. */
  statementsOf: (path: string) => Promise<{ text: string, values: unknown[] }[]>
}

/** A Signet in this process on a migrated database, called with an administrator's token. */
export async function openReader (settings: AppSettings): Promise<Reader> {
  const app = await buildApp(settings)
  await app.ready()
  const keys = createKeyService({
    repository: createKeyRepository(app.database),
    sealer: createSealer(settings.encryptionKeys, 'signing-key'),
    algorithm: settings.signingAlgorithm,
    rotationSeconds: settings.signingKeyRotationSeconds,
    tokenSeconds: settings.accessTokenSeconds,
    sessionSeconds: settings.sessionSeconds,
    replaceUnusable: false
  })
  await keys.maintain()
  const accessTokens = createAccessTokens(keys, {
    issuer: settings.issuerUrl, audience: settings.tokenAudience, lifetimeSeconds: 3600
  })
  const token = accessTokens.issue({
    sessionId: ADMIN_SESSION_ID,
    userId: ADMIN_ID,
    clientId: 'signet',
    scope: '',
    resources: [],
    roles: [],
    authTime: Math.floor(Date.now() / 1000),
    nonce: null,
    email: null,
    name: null,
    avatarUrl: null,
    username: null,
    metadata: {}
  })
  const headers = { authorization: `Bearer ${token}` }

  async function get (path: string) {
    const beganAt = performance.now()
    const response = await app.inject({ url: path, headers })
    return { status: response.statusCode, body: response.json(), ms: performance.now() - beganAt }
  }

  return {
    app,
    get,
    async statementsOf (path) {
      const sent: { text: string, values: unknown[] }[] = []
      const { query } = pg.Client.prototype
      pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
        const [config, values] = args as [string | { text: string, values?: unknown[] }, unknown[] | undefined]
        const text = typeof config === 'string' ? config : config.text
        const bound = typeof config === 'string' ? values : config.values ?? values
        if (/^\s*(SELECT|WITH)/i.test(text)) sent.push({ text, values: bound ?? [] })
        return query.apply(this, args as Parameters<typeof query>)
      } as typeof query
      try {
        await get(path)
      } finally {
        pg.Client.prototype.query = query
      }
      return sent
    }
  }
}

/** A node of EXPLAIN (FORMAT JSON). */
export interface PlanNode { 'Node Type': string, 'Relation Name'?: string, Plans?: PlanNode[] }

const LARGE = ['users', 'accounts', 'sessions', 'audit_events', 'webhook_deliveries']

/** The large tables that a plan scans sequentially. */
export function scannedWhole (plan: PlanNode): string[] {
  const table = plan['Relation Name'] ?? ''
  const own = plan['Node Type'].includes('Seq Scan') && LARGE.includes(table) ? [table] : []
  return [...own, ...(plan.Plans ?? []).flatMap(scannedWhole)]
}
