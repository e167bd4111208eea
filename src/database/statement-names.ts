/** More than this many texts are not prepared: a text that differs from call to call must not fill the memory of PostgreSQL. */
const MAX_STATEMENTS = 500

/** Names statements by their text, so that PostgreSQL parses and plans each once a connection. An empty name prepares nothing. */
export function createStatementNames (): (statement: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    if (/^(BEGIN|COMMIT|ROLLBACK|SET|SAVEPOINT|RELEASE)\b/.test(sql)) return ''
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size >= MAX_STATEMENTS) return ''
    const name = `p${names.size}`
    names.set(sql, name)
    return name
  }
}
