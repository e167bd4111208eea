import pg from 'pg'
import { urlPerHost } from './hosts.ts'
import { NoWriterError } from './writer.ts'

/** Why the database cannot be used, in words, and what to do. Has the user, host and database of the URL, no secret. */
export interface DatabaseFailure { what: string, advice: string }

/** PostgreSQL 14. */
export const OLDEST_POSTGRES = 140_000

/** The server is older than OLDEST_POSTGRES. */
export class OldPostgresError extends Error {
  override name = 'OldPostgresError'
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/
const ENCODED = 'where characters such as @ : / # and % are percent-encoded.'

/** Undefined where the error is not the database's. */
export function explainDatabaseFailure (failure: unknown, databaseUrl: string): DatabaseFailure | undefined {
  for (let cause = failure; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const found = cause instanceof NoWriterError
      ? explainAll(cause)
      : explain(cause as ErrorLike, new pg.Client({ connectionString: urlPerHost(databaseUrl)[0] }))
    if (found) return { what: found[0], advice: found[1] }
  }
  return undefined
}

/** For an error that a statement or a connection threw: explained, or else by its message. */
export function describeDatabaseFailure (failure: unknown, databaseUrl: string): DatabaseFailure {
  return explainDatabaseFailure(failure, databaseUrl) ?? {
    what: `it cannot be reached or read (${(failure as Error).message})`,
    advice: 'Check DATABASE_URL, that the server runs, and that this machine may reach it.'
  }
}

/** No host takes writes: each has its reason, and where they share one, that is the answer. */
function explainAll ({ reasons, message }: NoWriterError): [string, string] {
  const found = reasons.map(({ url, error }) => explain(error, new pg.Client({ connectionString: url })))
  const [first] = found
  if (first && found.every((one) => one?.[0] === first[0]) && reasons[0]?.error.name !== 'ReadOnlyError') return first
  return [
    message,
    'Start the primary server, or correct the hosts in DATABASE_URL: it must list the one that takes writes.'
  ]
}

interface ErrorLike { code?: string, message?: string, syscall?: string, severity?: string }
type Place = Pick<pg.Client, 'host' | 'port' | 'user' | 'database'>

/** Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function explain (error: ErrorLike, { host, port, user = '', database }: Place): [string, string] | undefined {
  const { code = '', message = '', syscall } = error
  if (error instanceof OldPostgresError) return [message, 'Use PostgreSQL 14 or newer.']
  // Prisma's schema engine has no codes, and a message of many lines.
  const [denied] = /permission denied for .*/.exec(message) ?? []
  if (denied !== undefined) {
    return [
      `the user "${user}" may not read its tables, or not create them (${denied})`,
      `Let the user of DATABASE_URL own the database: ALTER DATABASE "${database}" OWNER TO "${user}".`
    ]
  }
  switch (code) {
    case '28P01':
      return [`wrong password for the user "${user}", or no such user`, `Correct both in DATABASE_URL, ${ENCODED}`]
    case '28000':
      return [
        `the server does not let the user "${user}" in`,
        'Check the user in DATABASE_URL, and that pg_hba.conf has a line for this user and this machine.'
      ]
    case '3D000':
      return [`there is no database "${database}"`, 'Create it, or correct the name at the end of DATABASE_URL.']
    case '25006':
      return ['the server is read-only', 'Name the primary server in DATABASE_URL, not a standby.']
    case '53300':
      return ['the server has no connection left', 'Raise max_connections, or lower DATABASE_POOL_SIZE.']
    case '55000':
    case '57P03':
      return ['the server takes no connections now: it is starting up or shutting down', 'Try again in a minute.']
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [
        `the host "${host}" is not known (${code})`,
        `Correct the host in DATABASE_URL; it stands behind the user and the password, ${ENCODED}`
      ]
    case 'ECONNREFUSED':
      return [
        `nothing listens at ${host}:${port} (${code})`,
        'Start PostgreSQL, or correct the host and port in DATABASE_URL.'
      ]
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return unreachable(host, port, code)
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        `its certificate is not for the host "${host}"`,
        'Use the name in the certificate as the host in DATABASE_URL.'
      ]
  }
  if (/password must be a (non-empty )?string|no password/i.test(message)) {
    return [`the user "${user}" needs a password`, 'Put it into DATABASE_URL: postgresql://user:password@host/database']
  }
  if (/timeout expired|timed? ?out/i.test(message) && syscall !== 'listen') return unreachable(host, port, 'no answer')
  if (/Connection terminated unexpectedly/.test(message)) {
    return [
      `${host}:${port} closes connections`,
      'A proxy does so while it has no server to lead to: look there, or correct the host and port in DATABASE_URL.'
    ]
  }
  if (/does not support SSL/i.test(message)) {
    return [
      'the server does not encrypt connections',
      'Turn on TLS there (ssl = on); on a private network, sslmode=disable in DATABASE_URL does without.'
    ]
  }
  if (CERTIFICATE.test(code)) {
    return [
      `its certificate is not trusted (${code})`,
      'Name the certificate of its authority by sslrootcert in DATABASE_URL, or in NODE_EXTRA_CA_CERTS.'
    ]
  }
  return undefined
}

function unreachable (host: string, port: number, why: string): [string, string] {
  return [
    `${host}:${port} does not answer (${why})`,
    'Check the host and port in DATABASE_URL, and that a firewall lets this machine reach them.'
  ]
}
