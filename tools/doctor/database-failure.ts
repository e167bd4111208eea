import type pg from 'pg'
import { error, type Finding } from './finding.ts'

type Place = Pick<pg.Client, 'host' | 'port' | 'user' | 'database'>

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/

/** Why the database cannot be used, in words, with what to do: PostgreSQL and Node say it by codes. */
export function databaseFailure (failure: unknown, place: Place): Finding {
  const { code = '', message = '' } = failure as { code?: string, message?: string }
  const [what, advice] = describe(code, message, place)
  return error('database', what, advice)
}

/** Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function describe (code: string, message: string, { host, port, user = '', database }: Place): [string, string] {
  switch (code) {
    case '28P01':
      return [
        `wrong password for the user "${user}", or no such user`,
        'Correct both in DATABASE_URL, where characters such as @ : / # and % are percent-encoded.'
      ]
    case '28000':
      return [
        `the server does not let the user "${user}" in`,
        'Check the user in DATABASE_URL, and that pg_hba.conf has a line for this user and this machine.'
      ]
    case '3D000':
      return [`there is no database "${database}"`, 'Create it, or correct the name at the end of DATABASE_URL.']
    case '42501':
      return [
        `the user "${user}" may not read its tables`,
        'Let the user of DATABASE_URL own the database, or grant it what Signet has created there.'
      ]
    case '53300':
      return ['the server has no connection left', 'Raise max_connections, or lower DATABASE_POOL_SIZE.']
    case '55000':
    case '57P03':
      return ['the server takes no connections now: it is starting up or shutting down', 'Try again in a minute.']
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [`the host "${host}" is not known (${code})`, 'Correct the host in DATABASE_URL.']
    case 'ECONNREFUSED':
      return [
        `nothing listens at ${host}:${port} (${code})`,
        'Start PostgreSQL, or correct the host and port in DATABASE_URL.'
      ]
  }
  if (/password must be a string|no password/i.test(message)) {
    return [`the user "${user}" needs a password`, 'Put it into DATABASE_URL: postgresql://user:password@host/database']
  }
  if (CERTIFICATE.test(code)) {
    return [
      `its certificate is not trusted (${code})`,
      'Name the certificate of its authority by sslrootcert in DATABASE_URL, or in NODE_EXTRA_CA_CERTS.'
    ]
  }
  return [
    `it cannot be reached or read (${code === '' ? message : code})`,
    'Check DATABASE_URL, that the server runs, and that this machine may reach it.'
  ]
}
