import { Prisma } from './generated/client.ts'

/** Only so many are prepared: texts that differ from call to call must not fill the memory of PostgreSQL. */
const MAX_STATEMENTS = 500

const MARK = '/* planned each time */'

/** Part of a statement whose best plan depends on its values, and which therefore must not be prepared. */
export const PLAN_EACH_TIME = Prisma.raw(MARK)

/**
 * Names statements by their text, so that PostgreSQL parses and plans each once for a connection. Returns an empty name
 * for a statement that is not to be prepared.
 */
export function createStatementNames (): (statement: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    if (/^(BEGIN|COMMIT|ROLLBACK|SET|SAVEPOINT|RELEASE)\b/.test(sql) || sql.includes(MARK)) return ''
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size >= MAX_STATEMENTS) return ''
    const name = `prisma-${names.size}`
    names.set(sql, name)
    return name
  }
}

export const isGeneratedName = (name: string) => name.startsWith('prisma-')
