import { readFileSync } from 'node:fs'

export type Variables = Record<string, string | undefined>

/** Variables that may come from a file, such as DATABASE_URL_FILE=/run/secrets/database-url. */
const SECRETS = new RegExp(`^(${[
  'DATABASE_URL',
  'REDIS_URL',
  'ENCRYPTION_KEYS',
  'CLIENTS',
  'BEFORE_USER_CREATED_SECRET',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'HTTPS?_PROXY',
  '[A-Z0-9_]+_(CLIENT_SECRET|PRIVATE_KEY)'
].join('|')})$`)

/** True for the name of a variable that names the file of a secret. */
export function isSecretFile (name: string): boolean {
  return name.endsWith('_FILE') && SECRETS.test(name.replace(/_FILE$/, ''))
}

/** Other programs know these in lower case too. In capitals they count first. */
const EITHER_CASE = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']

/**
 * The environment, trimmed and without empty variables, with the content of `<name>_FILE` under the name of a secret.
 */
export function readVariables (environment: Variables, mistakes: string[]): Variables {
  const variables: Variables = {}
  for (const [name, value = ''] of Object.entries(environment)) {
    if (value.trim() !== '') variables[name] = value.trim()
  }
  for (const name of EITHER_CASE) {
    variables[name] ??= variables[name.toLowerCase()]
    delete variables[name.toLowerCase()]
  }
  for (const [name, path] of Object.entries(variables)) {
    if (!isSecretFile(name) || path === undefined) continue
    const secret = name.replace(/_FILE$/, '')
    if (variables[secret] !== undefined) mistakes.push(`${secret} and ${name} are both set; keep one of them`)
    try {
      variables[secret] = readFileSync(path, 'utf8').trim()
    } catch (error) {
      mistakes.push(`${name} cannot be read (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  return variables
}
