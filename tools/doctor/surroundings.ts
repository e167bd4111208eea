import type pg from 'pg'
import { Client } from '../../src/database/client.ts'
import { describeDatabaseFailure } from '../../src/database/failure.ts'
import { assertVersion, countPending } from '../../src/database/migrations.ts'
import type { Settings } from '../../src/settings.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { error, ok, warning, type Finding } from './finding.ts'
import { printable } from './issuer.ts'

const TIMEOUT_MS = 5_000

/** The database: reachable, new enough, migrated, and holding keys that the settings open. */
export async function examineDatabase ({ databaseUrl, encryptionKeys }: Settings): Promise<Finding[]> {
  if (databaseUrl === undefined) return [ok('database', 'the embedded PostgreSQL, in .data/ (for development)')]
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const release = await assertVersion(client)
    const pending = await countPending(client)
    const findings = [
      ok('database', `PostgreSQL ${release} answers`),
      pending === 0
        ? ok('migrations', 'none is missing')
        : warning(
          'migrations',
            `${pending} not applied yet`,
            'Signet applies them when it starts; its database role must be allowed to.'
        )
    ]
    return pending > 0 || !encryptionKeys ? findings : [...findings, await examineKeys(client, encryptionKeys)]
  } catch (failure) {
    const { what, advice } = describeDatabaseFailure(failure, databaseUrl)
    return [error('database', what, advice)]
  } finally {
    await client.end().catch(() => {})
  }
}

async function examineKeys (
  client: pg.Client,
  encryptionKeys: NonNullable<Settings['encryptionKeys']>
): Promise<Finding> {
  const sealer = createSealer(encryptionKeys, 'signing-key')
  const { rows } = await client.query('SELECT kid, sealed_private_key AS sealed FROM signing_keys')
  const closed = rows.filter(({ kid, sealed }) => sealer.open(sealed, kid) === undefined).length
  return closed === 0
    ? ok('encryption keys', `they open all ${rows.length} signing keys`)
    : error(
      'encryption keys',
        `they do not open ${closed} of ${rows.length} signing keys`,
        'Put the key that is missing back into ENCRYPTION_KEYS, behind the others.'
    )
}

/** The public URL: right for its scheme, answered by this Signet, with cookies and callbacks to match. */
export async function examinePublicUrl ({ issuerUrl, providers }: Settings): Promise<Finding[]> {
  const url = new URL(issuerUrl)
  const isLocal = url.hostname === 'localhost' || url.hostname === '127.0.0.1' || url.hostname === '[::1]'
  const findings: Finding[] = []
  if (url.protocol === 'http:' && !isLocal) {
    findings.push(
      error(
        'scheme',
        `${issuerUrl} is not https`,
        'Set ISSUER_URL to the https URL that people see: without it cookies travel in the open, and providers ' +
          'refuse the callback.'
      )
    )
  }
  const home = await fetch(issuerUrl, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/json' }
  }).catch((failure: Error) => failure)
  if (home instanceof Error) {
    const reason = (home.cause as { code?: string } | undefined)?.code ?? home.message
    return [
      ...findings,
      error(
        'public URL',
        `nothing answers at ${issuerUrl} (${reason})`,
        'Start Signet and run this again, from a place that sees what people see.'
      )
    ]
  }
  const { issuer } = (await home.json().catch(() => ({}))) as { issuer?: unknown }
  if (issuer !== issuerUrl) {
    const is = typeof issuer === 'string' && issuer !== ''
      ? `, ${issuerUrl}, but with the issuer ${printable(issuer)}`
      : ` (HTTP ${home.status})`
    return [
      ...findings,
      error(
        'public URL',
        `what answers at ${issuerUrl} is not a Signet with this ISSUER_URL${is}`,
        'Let the proxy pass all paths of this URL to Signet, and give all instances the same ISSUER_URL.'
      )
    ]
  }
  findings.push(ok('public URL', `Signet answers at ${issuerUrl}`))
  return providers[0] ? [...findings, await examineStart(issuerUrl, providers[0].id)] : findings
}

/** Starts a login as a browser would, and looks at the cookie that must survive until the callback. */
async function examineStart (issuerUrl: string, providerId: string): Promise<Finding> {
  const start = await fetch(`${issuerUrl}/login/${providerId}`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(3 * TIMEOUT_MS)
  }).catch((failure: Error) => failure)
  if (start instanceof Error || start.status !== 302) {
    return warning(
      'cookies',
      `a login with ${providerId} does not start${start instanceof Error ? '' : ` (HTTP ${start.status})`}`,
      'See the findings of that provider.'
    )
  }
  const cookie = start.headers.getSetCookie().find((line) => line.includes('signet-login-')) ?? ''
  const isRight = issuerUrl.startsWith('https:')
    ? cookie.startsWith('__Host-') && /; secure/i.test(cookie)
    : cookie.startsWith('signet-login-')
  return isRight
    ? ok('cookies', "the login's cookie fits the scheme of the public URL")
    : error(
      'cookies',
      "the login's cookie does not come through as it should",
      'Let the proxy pass Set-Cookie on unchanged, and restart Signet after a change of ISSUER_URL.'
    )
}
