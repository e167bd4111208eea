import { domainToASCII, domainToUnicode } from 'node:url'
import { isOwnPath } from './http/issuer-path.ts'
import { readProviders } from './providers/settings.ts'
import { ACCESS_TOKEN_RESERVED, ID_TOKEN_RESERVED, readClaims } from './settings/claims.ts'
import { readClients } from './settings/clients.ts'
import type { Check } from './settings/check.ts'
import { databaseUrlMistake, verifyCertificate } from './settings/database-url.ts'
import { readEncryptionKeys } from './settings/encryption-keys.ts'
import { findMisspelt, findUnlisted } from './settings/misspelt.ts'
import { readBySchema } from './settings/read-by-schema.ts'
import { checkDefaultResources, readResources } from './settings/resources.ts'
import { readVariables, type Variables } from './settings/read-variables.ts'
import { settingNames, settingsSchema } from './settings/schema.ts'

export type { ProviderSettings } from './providers/provider.ts'

export type Settings = ReturnType<typeof readSettings>

/** All mistakes in the settings, each by the name of its variable. Never contains a secret. */
export class SettingsError extends Error {
  readonly mistakes: string[]

  constructor (mistakes: string[]) {
    const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
    super(`The settings have ${count}:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`)
    this.name = 'SettingsError'
    this.mistakes = mistakes
  }
}

/** Settings that no schema describes. */
const OTHER_NAMES = ['NODE_ENV', 'ENCRYPTION_KEYS', 'CLIENTS', 'RESOURCES', 'TOKEN_CLAIMS', 'ID_TOKEN_CLAIMS']

/** Reads the settings (.env.example) from the environment. The result is frozen. Throws SettingsError. */
export function readSettings (environment: Variables) {
  const mistakes: string[] = []
  const check: Check = (isKept, mistake) => { if (!isKept) mistakes.push(mistake) }
  const variables = readVariables(environment, mistakes)
  const { DATABASE_URL: databaseUrl, ENCRYPTION_KEYS: keys, CLIENTS: clients = '[]' } = variables
  const { NODE_ENV: nodeEnv = '' } = variables
  const production = nodeEnv === 'production'
  check(production || !/^prod/i.test(nodeEnv), 'NODE_ENV must be "production", to the letter, in production')
  check(!production || variables['ISSUER_URL'] !== undefined,
    'ISSUER_URL is required in production: the public URL of Signet, such as https://id.example.com')
  check(!production || databaseUrl !== undefined,
    'DATABASE_URL is required in production: the embedded PostgreSQL is for development')
  check(!production || keys !== undefined,
    'ENCRYPTION_KEYS is required in production; make one with: echo "k1:$(openssl rand -base64 32)"')

  const schema = settingsSchema(production)
  const settings = readBySchema(schema, variables, mistakes)
  const databaseMistake = databaseUrl === undefined ? undefined : databaseUrlMistake(databaseUrl)
  check(databaseMistake === undefined, `DATABASE_URL ${databaseMistake}`)
  const misspelt = findMisspelt(variables, [...settingNames(schema), ...OTHER_NAMES])
  for (const mistake of misspelt) check(!production, mistake)
  const { issuerUrl = `http://localhost:${settings.port}` } = settings
  check(!isOwnPath(issuerUrl), 'ISSUER_URL must not have a path that begins with one of Signet\'s own, such as /login')
  const tokenAudience = settings.tokenAudience.length === 0 ? [issuerUrl] : settings.tokenAudience
  const configuredClients = readClients(clients, production, check)
  const resources = readResources(variables['RESOURCES'] ?? '[]', tokenAudience, check)
  checkDefaultResources(configuredClients, resources, check)
  check(settings.registration.length === 0 || resources.length > 0,
    'REGISTRATION needs RESOURCES: clients that register themselves get tokens for these alone')
  const complete = {
    ...settings,
    ...settings.databaseUrl === undefined ? {} : { databaseUrl: verifyCertificate(settings.databaseUrl) },
    production,
    /** What is no mistake, but probably not meant. */
    warnings: [...production ? [] : misspelt, ...findUnlisted(variables)],
    issuerUrl,
    tokenAudience,
    trustProxy: settings.trustProxy.length > 0 && settings.trustProxy,
    allowedEmailDomains: settings.allowedEmailDomains.flatMap(spellings),
    adminEmails: settings.adminEmails.map((email) => email.normalize('NFKC').toLowerCase()),
    /** Absent: generated into `.data/`. */
    encryptionKeys: keys === undefined ? undefined : readEncryptionKeys(keys, production, check),
    clients: configuredClients,
    resources,
    tokenClaims: readClaims('TOKEN_CLAIMS', variables['TOKEN_CLAIMS'], ACCESS_TOKEN_RESERVED, check),
    idTokenClaims: readClaims('ID_TOKEN_CLAIMS', variables['ID_TOKEN_CLAIMS'], ID_TOKEN_RESERVED, check),
    providers: readProviders({ env: variables, issuerUrl, check })
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes)
  return deepFreeze(complete)
}

/** A domain as an address may have it: in letters of its language, and in ASCII. */
function spellings (domain: string): string[] {
  const normal = domain.normalize('NFKC').toLowerCase()
  return [...new Set([normal, domainToASCII(normal), domainToUnicode(normal)])]
}

function deepFreeze<Value> (value: Value): Value {
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
