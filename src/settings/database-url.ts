import { readFileSync } from 'node:fs'
import { urlPerHost } from '../database/hosts.ts'
import { parseUrl } from '../http/url.ts'

/** Those of libpq, and `no-verify`, which is node-postgres's. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** libpq's names for the host that takes writes. Without one, libpq would use any host. */
const WRITER_TARGETS = ['read-write', 'primary']

const FORM = 'must be a URL such as postgresql://user:password@host:5432/signet, with special characters of the ' +
  'password percent-encoded: # as %23, @ as %40, / as %2F, : as %3A, ? as %3F, % as %25'

/** What is wrong with DATABASE_URL, as the end of a sentence about it. Never contains a part of it. */
export function databaseUrlMistake (text: string): string | undefined {
  if (!/^postgres(ql)?:\/\//.test(text)) return 'must be a URL that starts with postgresql://'
  const urls = urlPerHost(text)
  const mistake = urls.map(mistakeOfHost).find((mistake) => mistake !== undefined)
  if (mistake !== undefined || urls.length === 1) return mistake
  const target = parseUrl(urls[0] as string)?.searchParams.get('target_session_attrs')
  if (target !== null && !WRITER_TARGETS.includes(target as string)) {
    return 'must have target_session_attrs=read-write where it lists hosts: Signet uses the one that takes writes'
  }
  return undefined
}

function mistakeOfHost (text: string): string | undefined {
  const url = parseUrl(text)
  // A password with one of these characters ends where that is, and the rest of it becomes the path or the query.
  const isCut = url === null || text.includes('#') || url.pathname.includes('@') ||
    (url.username === '' && url.search.includes('@'))
  if (isCut || /%(?![0-9a-f]{2})/i.test(text)) return FORM
  if (url.searchParams.get('host')?.includes(',')) {
    return 'must list several hosts before the path, as in postgresql://user:password@db1:5432,db2:5432/signet'
  }
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode)) {
    return `must have a sslmode that is one of ${SSL_MODES.join(', ')}`
  }
  for (const name of ['sslrootcert', 'sslcert', 'sslkey']) {
    const mistake = fileMistake(url.searchParams.get(name))
    if (mistake !== undefined) return `must name a file that can be read as ${name} (${mistake})`
  }
  return undefined
}

function fileMistake (path: string | null): string | undefined {
  if (path === null) return undefined
  try {
    readFileSync(path)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

/**
 * Every mode but `disable` and `no-verify` encrypts and verifies the certificate, as `verify-full` does. node-postgres
 * does the same, and warns of it with each start.
 */
export function verifyCertificate (databaseUrl: string): string {
  if (/[?&]uselibpqcompat=true\b/.test(databaseUrl)) return databaseUrl
  return databaseUrl.replace(/([?&]sslmode=)(?:allow|prefer|require|verify-ca)(?=&|$)/, '$1verify-full')
}
