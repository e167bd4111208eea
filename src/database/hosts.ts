// DATABASE_URL may list several hosts, in libpq's form: postgresql://user:password@db1:5432,db2:5432/signet
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS

const PARTS = /^(\w+:\/\/)([^/?#]*@)?([^/?#]*)(.*)$/s

/** The URL once for each of its hosts, in their order; the rest of it is the same in each. */
export function urlPerHost (databaseUrl: string): string[] {
  const [, scheme = '', user = '', hosts = '', rest = ''] = PARTS.exec(databaseUrl) ?? []
  if (!hosts.includes(',')) return [databaseUrl]
  return hosts.split(',').map((host) => scheme + user + host + rest)
}
