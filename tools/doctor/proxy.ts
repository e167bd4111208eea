import { randomUUID } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { Client } from '../../src/database/client.ts'
import { createTrustProxy } from '../../src/http/client-address.ts'
import type { Settings } from '../../src/settings.ts'
import { ok, warning, type Finding } from './finding.ts'

const TIMEOUT_MS = 5_000

/** Nobody's address (RFC 5737). Doctor claims it as a visitor could, in an X-Forwarded-For of its own. */
const CLAIMED_ADDRESS = '192.0.2.1'

const ONE_ADDRESS = 'otherwise all people count as one address in rate limits and audit events'

/**
 * The reverse proxy: whether Signet learns the addresses of visitors from it, and from nobody else. It declines a
 * sign-in at the public URL and reads which address the audit trail has for that.
 */
export async function examineProxy (settings: Settings): Promise<Finding[]> {
  const { issuerUrl, trustProxy } = settings
  if (trustProxy === false && !issuerUrl.startsWith('https:')) return []
  const address = await recordedAddress(settings).catch(() => undefined)
  if (trustProxy === false) {
    return [
      warning(
        'proxy',
        'TRUST_PROXY is not set, though something in front of Signet ends https' +
          (address === undefined ? '' : `: Signet takes everyone for ${address}`),
        `Set TRUST_PROXY${address === undefined ? ' to its address' : `=${address}`}: ${ONE_ADDRESS}.`
      )
    ]
  }
  if (address === undefined) return []
  if (address === CLAIMED_ADDRESS) {
    return [
      warning(
        'proxy',
        'Signet believes the X-Forwarded-For header that a visitor sends: anyone could choose an address',
        'Let the proxy set the header (nginx: proxy_set_header X-Forwarded-For $remote_addr) and not pass it on, and ' +
          'let TRUST_PROXY have the addresses of proxies only. More: docs/deploy.md'
      )
    ]
  }
  if (createTrustProxy(trustProxy)(address)) {
    return isOwn(address)
      ? [ok('proxy', `Signet takes this machine for ${address}`)]
      : [
          warning(
            'proxy',
            `the proxy at ${address} does not tell Signet for whom it asks`,
            `Let it send the header X-Forwarded-For: ${ONE_ADDRESS}. More: docs/deploy.md`
          )
        ]
  }
  return ipaddr.process(address).range() === 'unicast'
    ? [ok('proxy', `Signet takes this machine for ${address}`)]
    : [
        warning(
          'proxy',
          `Signet takes this machine for ${address}, which is not in TRUST_PROXY`,
          `If that is the address of a proxy, add it to TRUST_PROXY: ${ONE_ADDRESS}. More: docs/deploy.md`
        )
      ]
}

/** The address in the audit trail for a request of this process; undefined when no sign-in could be declined. */
async function recordedAddress ({ issuerUrl, databaseUrl, providers }: Settings): Promise<string | undefined> {
  const [provider] = providers
  if (databaseUrl === undefined || provider === undefined) return undefined
  const start = await fetch(`${issuerUrl}/login/${provider.id}`, {
    redirect: 'manual', signal: AbortSignal.timeout(3 * TIMEOUT_MS)
  })
  const state = new URL(start.headers.get('location') ?? 'about:blank').searchParams.get('state')
  if (state === null) return undefined
  const requestId = `doctor-${randomUUID()}`
  await fetch(`${issuerUrl}/login/${provider.id}/callback?${new URLSearchParams({ error: 'access_denied', state })}`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      cookie: start.headers.getSetCookie().map((line) => line.split(';')[0]).join('; '),
      'x-forwarded-for': CLAIMED_ADDRESS,
      'x-request-id': requestId,
      'user-agent': 'signet-doctor'
    }
  })
  const client = new Client({
    connectionString: databaseUrl, connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query('SELECT ip_address FROM audit_events WHERE request_id = $1', [requestId])
    return rows[0]?.ip_address
  } finally {
    await client.end().catch(() => {})
  }
}

function isOwn (address: string): boolean {
  return Object.values(networkInterfaces()).flat().some((one) => one?.address === address) ||
    ipaddr.process(address).range() === 'loopback'
}
