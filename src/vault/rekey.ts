import type { Database } from '../database/database.ts'
import { createSealer, type EncryptionKey, type Sealer } from './sealing.ts'

interface SealedColumn {
  table: string
  column: string
  primaryKey: string
  purpose: string
  /** The SQL of the context that values are sealed to; the primary key unless given. */
  context?: string
}

/** The identity of an account, as src/accounts/identity.ts writes it. */
const ACCOUNT = "provider || ' ' || issuer || ' ' || subject"

const SEALED_COLUMNS: SealedColumn[] = [
  { table: 'signing_keys', column: 'sealed_private_key', primaryKey: 'kid', purpose: 'signing-key' },
  { table: 'accounts', column: 'sealed_tokens', primaryKey: 'id', purpose: 'provider-tokens', context: ACCOUNT },
  { table: 'accounts', column: 'sealed_refresh_token', primaryKey: 'id', purpose: 'provider-tokens', context: ACCOUNT },
  { table: 'webhook_endpoints', column: 'sealed_secret', primaryKey: 'id', purpose: 'webhook-secret' },
  { table: 'webhook_endpoints', column: 'sealed_previous_secret', primaryKey: 'id', purpose: 'webhook-secret' }
]
const BATCH = 500

export interface RekeyResult { table: string, sealedAnew: number, unreadable: number }

/**
 * Seals everything that an older one of the ENCRYPTION_KEYS sealed under the first one, in batches, while the API
 * serves. A value that changes meanwhile is left alone: it was sealed under the first key. A value that no key opens
 * stays, and is counted. Can be stopped and run again.
 */
export async function rekey (
  prisma: Database['prisma'], keys: EncryptionKey[], onProgress: (line: string) => void = () => {}
): Promise<RekeyResult[]> {
  const results = []
  for (const sealedColumn of SEALED_COLUMNS) results.push(await rekeyColumn(prisma, keys, sealedColumn, onProgress))
  return results
}

async function rekeyColumn (
  prisma: Database['prisma'], keys: EncryptionKey[], sealedColumn: SealedColumn, onProgress: (line: string) => void
): Promise<RekeyResult> {
  const { table, purpose } = sealedColumn
  const sealer = createSealer(keys, purpose)
  const result = { table, sealedAnew: 0, unreadable: 0 }
  let last = ''
  while (true) {
    const rows = await readBatch(prisma, sealedColumn, last, `${keys[0]?.id}.`)
    for (const row of rows) {
      const sealed = reseal(sealer, row)
      if (sealed === undefined) result.unreadable++
      else result.sealedAnew += await replace(prisma, sealedColumn, row, sealed)
    }
    if (rows.length > 0) onProgress(`${table}: ${result.sealedAnew} sealed anew`)
    if (rows.length < BATCH) return result
    last = rows.at(-1)?.key ?? last
  }
}

interface SealedRow { key: string, context: string, sealed: string }

/** Values under other keys than the first one, ordered by primary key. Identifiers come from SEALED_COLUMNS only. */
async function readBatch (prisma: Database['prisma'], sealedColumn: SealedColumn, last: string, firstKey: string) {
  const { table, column, primaryKey, context = `${primaryKey}::text` } = sealedColumn
  return await prisma.$queryRawUnsafe<SealedRow[]>(`
    SELECT ${primaryKey}::text AS key, ${context} AS context, ${column} AS sealed FROM ${table}
    WHERE ${primaryKey}::text > $1 AND ${column} IS NOT NULL AND NOT starts_with(${column}, $2)
    ORDER BY ${primaryKey}::text LIMIT ${BATCH}`, last, firstKey)
}

/** Version 0.1 sealed an account's tokens to its primary key. */
function reseal (sealer: Sealer, { key, context, sealed }: SealedRow): string | undefined {
  const opened = sealer.open(sealed, context) ?? sealer.open(sealed, key)
  return opened === undefined ? undefined : sealer.seal(opened, context)
}

/** Returns 0 when the value has changed since it was read. */
async function replace (
  prisma: Database['prisma'], { table, column, primaryKey }: SealedColumn, { key, sealed }: SealedRow, resealed: string
): Promise<number> {
  const text = `UPDATE ${table} SET ${column} = $3 WHERE ${primaryKey}::text = $1 AND ${column} = $2`
  return await prisma.$executeRawUnsafe(text, key, sealed, resealed)
}
