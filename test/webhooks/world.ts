import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import type { Test } from 'tap'
import { recordEvents, type NewEvent } from '../../src/audit/events.ts'
import { readSettings } from '../../src/settings.ts'
import { createSealer, type EncryptionKey } from '../../src/vault/sealing.ts'
import { WEBHOOK_TYPES } from '../../src/audit/outbox.ts'
import { newSecret } from '../../src/webhooks/signing.ts'
import { ENCRYPTION_KEYS } from '../helper.ts'
import { signedIn } from '../flows/signed-in.ts'
import { startWebhookReceiver } from '../fakes/webhook-receiver.ts'

/** An endpoint that is to be told of everything, written as POST /admin/webhooks writes it. */
export async function addEndpoint (
  sql: Pool,
  url: string,
  types: readonly string[] = WEBHOOK_TYPES
): Promise<{ id: string, secret: string }> {
  const [id, secret] = [randomUUID(), newSecret()]
  const sealer = createSealer(readSettings({ ENCRYPTION_KEYS }).encryptionKeys as EncryptionKey[], 'webhook-secret')
  await sql.query('INSERT INTO webhook_endpoints (id, url, types, sealed_secret) VALUES ($1, $2, $3, $4)', [
    id,
    url,
    types,
    sealer.seal(secret, id)
  ])
  return { id, secret }
}

/** What comes by itself every minute. */
export async function lookForDue (sql: Pool): Promise<void> {
  await sql.query("SELECT graphile_worker.add_job('deliver-due-webhooks')")
}

/** A Signet, and a receiver that is told of what happens. */
export async function withReceiver (t: Test, types?: readonly string[], environment: Record<string, string> = {}) {
  const receiver = await startWebhookReceiver()
  t.teardown(() => receiver.close())
  const running = await signedIn(t, environment)
  const endpoint = await addEndpoint(running.sql, receiver.url, types)
  receiver.verifyWith(endpoint.secret)
  const deliveries = async () =>
    (
      await running.sql.query(
        `SELECT id, type, user_id AS "userId", status, attempts, last_status_code AS "lastStatusCode",
          last_error AS "lastError"
        FROM webhook_deliveries
        ORDER BY position`
      )
    ).rows
  /** As if so much time had passed since the last attempts, and the minute were over after which somebody looks. */
  const later = async (interval: string) => {
    await running.sql.query(
      `UPDATE webhook_deliveries SET next_attempt_at = next_attempt_at - interval '${interval}',
        last_attempt_at = last_attempt_at - interval '${interval}'`
    )
    await lookForDue(running.sql)
  }
  const record = (events: NewEvent[]) => running.app.database.prisma.$transaction((tx) => recordEvents(tx, events, {}))
  return { ...running, receiver, endpoint, deliveries, later, record }
}
