import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { Ajv } from 'ajv'
import { Type, type Static, type TSchema } from 'typebox'
import type { EncryptionKey } from './vault/sealing.ts'
import type { ProviderSettings } from './providers/provider.ts'
import { PLACEHOLDER, list, readProviders } from './providers/settings.ts'
import { OWN_CLIENT_ID } from './tokens/grants.ts'
import { isLoopback, isRedirectUri, parseUrl } from './http/url.ts'
import { ClientSettingsSchema, type ClientSettings } from './clients/client-settings.ts'
import type { SigningAlgorithm } from './keys/signing-algorithm.ts'
import { isSecret } from './webhooks/signing.ts'

export type { ProviderSettings }

const DAY = 24 * 60 * 60
/** A load balancer that asks for readiness every few seconds has noticed by then; Docker waits ten before it kills. */
const SHUTDOWN_DELAY_IN_PRODUCTION_SECONDS = 5
const wholeSeconds = (defaultSeconds: number, maximum: number) =>
  Type.Integer({ minimum: 1, maximum, default: defaultSeconds, description: `must be whole seconds, 1 to ${maximum}` })
const optional = (description: string) => Type.Optional(Type.String({ description }))

/** The fixed settings, as they stand in the environment. `description` ends the sentence that tells of a mistake. */
const EnvironmentSchema = Type.Object({
  NODE_ENV: optional('must be text'),
  HOST: Type.String({ default: '127.0.0.1', description: 'must be an address to listen on' }),
  PORT: Type.Integer({ minimum: 1, maximum: 65535, default: 3000, description: 'must be a port, 1 to 65535' }),
  ISSUER_URL: optional('must be a URL'),
  DATABASE_URL: optional('must be a PostgreSQL URL'),
  DATABASE_POOL_SIZE: Type.Integer({ minimum: 1, maximum: 1000, default: 10, description: 'must be a whole number, 1 to 1000' }),
  REDIS_URL: optional('must be a Redis URL'),
  ENCRYPTION_KEYS: optional('must be a list of keys'),
  SIGNING_ALG: Type.Union([Type.Literal('ES256'), Type.Literal('RS256'), Type.Literal('EdDSA')], { default: 'ES256', description: 'must be ES256, RS256 or EdDSA' }),
  SIGNING_KEY_ROTATION: wholeSeconds(90 * DAY, 3650 * DAY),
  TOKEN_AUDIENCE: optional('must be text'),
  ACCESS_TOKEN_TTL: wholeSeconds(15 * 60, 60 * 60),
  REFRESH_TOKEN_TTL: wholeSeconds(30 * DAY, 3650 * DAY),
  SESSION_TTL: wholeSeconds(180 * DAY, 3650 * DAY),
  REFRESH_REUSE_GRACE: Type.Integer({ minimum: 0, maximum: 60, default: 30, description: 'must be whole seconds, 0 to 60' }),
  ALLOWED_ORIGINS: Type.String({ default: '', description: 'must be a list of origins' }),
  CLIENTS: Type.String({ default: '[]', description: 'must be JSON' }),
  AUTO_LINK: Type.Union([Type.Literal('verified'), Type.Literal('never')], { default: 'verified', description: 'must be verified or never' }),
  ADMIN_EMAILS: Type.String({ default: '', description: 'must be a list of email addresses' }),
  MAX_SESSIONS_PER_USER: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'must be a whole number, 1 to 1000' })),
  BEFORE_USER_CREATED_URL: optional('must be a URL'),
  BEFORE_USER_CREATED_SECRET: optional('must be text'),
  BEFORE_USER_CREATED_ON_FAILURE: Type.Union([Type.Literal('deny'), Type.Literal('allow')], { default: 'deny', description: 'must be deny or allow' }),
  WEBHOOK_ALLOW_PRIVATE_ADDRESSES: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'must be true or false' })),
  AUDIT_RETENTION: wholeSeconds(400 * DAY, 3650 * DAY),
  RATE_LIMITS: Type.Union([Type.Literal('on'), Type.Literal('off')], { default: 'on', description: 'must be on or off' }),
  TRUST_PROXY: Type.String({ default: 'false', description: 'must be false or a list of addresses' }),
  LOG_LEVEL: Type.Union(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info', description: 'must be fatal, error, warn, info, debug, trace or silent' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional('must be a URL'),
  OTEL_EXPORTER_OTLP_HEADERS: optional('must be a list of name=value'),
  SHUTDOWN_DELAY: Type.Optional(Type.Integer({ minimum: 0, maximum: 300, description: 'must be whole seconds, 0 to 300' })),
  OIDC_PROVIDERS: Type.String({ default: '', description: 'must be a list of ids' }),
  OAUTH_PROVIDERS: Type.String({ default: '', description: 'must be a list of ids' })
})

export interface Settings {
  production: boolean
  host: string
  port: number
  issuerUrl: string
  /** Absent: an embedded PostgreSQL in `.data/`. */
  databaseUrl: string | undefined
  databasePoolSize: number
  redisUrl: string | undefined
  /** Absent: generated into `.data/`. */
  encryptionKeys: EncryptionKey[] | undefined
  signingAlgorithm: SigningAlgorithm
  signingKeyRotationSeconds: number
  tokenAudience: string
  accessTokenSeconds: number
  refreshTokenSeconds: number
  sessionSeconds: number
  refreshReuseGraceSeconds: number
  allowedOrigins: string[]
  clients: ClientSettings[]
  autoLink: 'verified' | 'never'
  adminEmails: string[]
  /** Absent: as many as there are logins. */
  maxSessionsPerUser: number | undefined
  /** Who is asked before a user is created. */
  creationHook: { url: string, secret: string, onFailure: 'deny' | 'allow' } | undefined
  webhookAllowPrivateAddresses: boolean
  auditRetentionSeconds: number
  rateLimits: boolean
  trustProxy: false | string[]
  logLevel: string
  /** Where traces go. Absent: nowhere, and nothing of OpenTelemetry is loaded. */
  traces: { endpoint: string, headers: string | undefined } | undefined
  shutdownDelaySeconds: number
  providers: ProviderSettings[]
}

/** Settings that may come from a file: `DATABASE_URL_FILE=/run/secrets/database-url`. */
const SECRETS =
  /^(DATABASE_URL|REDIS_URL|ENCRYPTION_KEYS|CLIENTS|BEFORE_USER_CREATED_SECRET|OTEL_EXPORTER_OTLP_HEADERS|[A-Z0-9_]+_(CLIENT_SECRET|PRIVATE_KEY))$/

type Environment = Record<string, string | undefined>

/** Thrown with every mistake at once; no message holds the value of a secret. */
export class SettingsError extends Error {
  readonly mistakes: string[]

  constructor (mistakes: string[]) {
    super(`The settings have ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`)
    this.name = 'SettingsError'
    this.mistakes = mistakes
  }
}

/** Reads the settings that `.env.example` explains from the environment, once; the result is frozen. */
export function readSettings (environment: Environment): Settings {
  const mistakes: string[] = []
  const env = readSecretFiles(withoutEmpty(environment), mistakes)
  const fixed = readFixed(env, mistakes)
  const production = fixed.NODE_ENV === 'production'
  const check = (rule: boolean, mistake: string) => { if (!rule) mistakes.push(mistake) }

  const issuerUrl = fixed.ISSUER_URL ?? `http://localhost:${fixed.PORT}`
  checkIssuerUrl(issuerUrl, production, check)
  check(!production || fixed.DATABASE_URL !== undefined, 'DATABASE_URL is required in production: the embedded PostgreSQL is for development')
  check(fixed.DATABASE_URL === undefined || hasScheme(fixed.DATABASE_URL, ['postgres:', 'postgresql:']), 'DATABASE_URL must be a URL that starts with postgresql://')
  check(fixed.REDIS_URL === undefined || hasScheme(fixed.REDIS_URL, ['redis:', 'rediss:']), 'REDIS_URL must be a URL that starts with redis:// or rediss://')
  check(!production || fixed.ENCRYPTION_KEYS !== undefined, 'ENCRYPTION_KEYS is required in production; make one with: echo "k1:$(openssl rand -base64 32)"')
  const origins = list(fixed.ALLOWED_ORIGINS)
  for (const origin of origins) {
    check(isOrigin(origin), `ALLOWED_ORIGINS: "${origin}" is not an origin; write scheme, host and port only, such as https://app.example.com`)
  }
  const trusted = fixed.TRUST_PROXY === 'false' ? [] : list(fixed.TRUST_PROXY)
  for (const address of trusted) {
    check(isAddressRange(address), `TRUST_PROXY: "${address}" is neither an IP address nor a range such as 10.0.0.0/8; "true" would believe anyone`)
  }
  const adminEmails = list(fixed.ADMIN_EMAILS).map((email) => email.normalize('NFKC').toLowerCase())
  for (const email of adminEmails) check(/^[^@\s]+@[^@\s]+$/.test(email), `ADMIN_EMAILS: "${email}" is not an email address`)
  const encryptionKeys = fixed.ENCRYPTION_KEYS === undefined ? undefined : parseEncryptionKeys(fixed.ENCRYPTION_KEYS, production, check)
  const clients = parseClients(fixed.CLIENTS, production, check)
  const providers = readProviders({ env, issuerUrl, check })
  const { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_EXPORTER_OTLP_HEADERS: collectorHeaders } = fixed
  check(collector === undefined || isCollector(collector), 'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL that starts with http:// or https://, without a user name or query')
  const creationHook = readCreationHook(fixed, production, check)
  if (mistakes.length > 0) throw new SettingsError(mistakes)

  return deepFreeze({
    production,
    host: fixed.HOST,
    port: fixed.PORT,
    issuerUrl,
    databaseUrl: fixed.DATABASE_URL,
    databasePoolSize: fixed.DATABASE_POOL_SIZE,
    redisUrl: fixed.REDIS_URL,
    encryptionKeys,
    signingAlgorithm: fixed.SIGNING_ALG,
    signingKeyRotationSeconds: fixed.SIGNING_KEY_ROTATION,
    tokenAudience: fixed.TOKEN_AUDIENCE ?? issuerUrl,
    accessTokenSeconds: fixed.ACCESS_TOKEN_TTL,
    refreshTokenSeconds: fixed.REFRESH_TOKEN_TTL,
    sessionSeconds: fixed.SESSION_TTL,
    refreshReuseGraceSeconds: fixed.REFRESH_REUSE_GRACE,
    allowedOrigins: origins,
    clients,
    autoLink: fixed.AUTO_LINK,
    adminEmails,
    maxSessionsPerUser: fixed.MAX_SESSIONS_PER_USER,
    creationHook,
    webhookAllowPrivateAddresses: (fixed.WEBHOOK_ALLOW_PRIVATE_ADDRESSES ?? String(!production)) === 'true',
    auditRetentionSeconds: fixed.AUDIT_RETENTION,
    rateLimits: fixed.RATE_LIMITS === 'on',
    trustProxy: trusted.length === 0 ? false : trusted,
    logLevel: fixed.LOG_LEVEL as string,
    traces: collector === undefined ? undefined : { endpoint: collector, headers: collectorHeaders },
    shutdownDelaySeconds: fixed.SHUTDOWN_DELAY ?? (production ? SHUTDOWN_DELAY_IN_PRODUCTION_SECONDS : 0),
    providers
  })
}

/** The settings of the schema. A mistaken one counts as its default from here on, so that the others are checked too. */
function readFixed (env: Environment, mistakes: string[]): Static<typeof EnvironmentSchema> {
  const entries = Object.entries<TSchema & { description?: string, default?: unknown }>(EnvironmentSchema.properties).map(([name, schema]) => {
    const text = env[name]?.trim()
    const value = Type.IsInteger(schema) && /^\d+$/.test(text ?? '') ? Number(text) : text
    if (value === undefined) return [name, schema.default]
    if (matches(schema, value)) return [name, value]
    mistakes.push(`${name} ${schema.description}`)
    return [name, schema.default]
  })
  return Object.fromEntries(entries)
}

/** The three kinds of schema that the table above is made of. */
function matches (schema: TSchema, value: unknown): boolean {
  if (Type.IsInteger(schema)) {
    const { minimum, maximum } = schema as { minimum?: number, maximum?: number }
    return typeof value === 'number' && value >= (minimum ?? 0) && value <= (maximum ?? Infinity)
  }
  if (Type.IsUnion(schema)) return schema.anyOf.some((one) => Type.IsLiteral(one) && one.const === value)
  return typeof value === 'string'
}

function withoutEmpty (environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''))
}

function readSecretFiles (env: Environment, mistakes: string[]): Environment {
  const result = { ...env }
  for (const [fileSetting, path] of Object.entries(env)) {
    const name = fileSetting.replace(/_FILE$/, '')
    if (name === fileSetting || !SECRETS.test(name) || path === undefined) continue
    if (env[name] !== undefined) mistakes.push(`${name} and ${fileSetting} are both set; keep one of them`)
    try {
      result[name] = readFileSync(path, 'utf8').trim()
    } catch (error) {
      mistakes.push(`${fileSetting} cannot be read (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  return result
}

type Check = (rule: boolean, mistake: string) => void

function checkIssuerUrl (issuerUrl: string, production: boolean, check: Check): void {
  const url = parseUrl(issuerUrl)
  if (!url || !['http:', 'https:'].includes(url.protocol)) return check(false, 'ISSUER_URL must be a URL that starts with https://')
  check(!issuerUrl.endsWith('/'), 'ISSUER_URL must not end in a slash')
  check(url.search === '' && url.hash === '' && url.username === '', 'ISSUER_URL must have no query, fragment or user name')
  check(!production || url.protocol === 'https:' || isLoopback(url), 'ISSUER_URL must be https in production (http is for loopback hosts only)')
}

function readCreationHook (fixed: Static<typeof EnvironmentSchema>, production: boolean, check: Check): Settings['creationHook'] {
  const { BEFORE_USER_CREATED_URL: text, BEFORE_USER_CREATED_SECRET: secret, BEFORE_USER_CREATED_ON_FAILURE: onFailure } = fixed
  if (text === undefined && secret === undefined) return undefined
  const url = parseUrl(text ?? '')
  check(url !== null && /^https?:$/.test(url.protocol) && url.username === '', 'BEFORE_USER_CREATED_URL must be a URL that starts with https://, without a user name')
  check(!production || url?.protocol !== 'http:' || isLoopback(url), 'BEFORE_USER_CREATED_URL must be https in production (http is for loopback hosts only)')
  check(isSecret(secret ?? ''), 'BEFORE_USER_CREATED_SECRET must be whsec_ and 24 to 64 bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"')
  return { url: text ?? '', secret: secret ?? '', onFailure }
}

function parseEncryptionKeys (text: string, production: boolean, check: Check): EncryptionKey[] {
  const keys = list(text).map((entry, index) => {
    const [, id, base64] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/_-]+={0,2})$/.exec(entry) ?? []
    const key = Buffer.from(base64 ?? '', 'base64')
    const which = `ENCRYPTION_KEYS: key ${index + 1}`
    check(id !== undefined, `${which} must be written id:base64`)
    if (id !== undefined) {
      check(key.length === 32, `${which} must be 32 bytes long, in base64; make one with: openssl rand -base64 32`)
      check(!production || new Set(key).size >= 8, `${which} is not random (an example?); make one with: openssl rand -base64 32`)
    }
    return { id: id ?? '', key }
  })
  check(keys.length > 0, 'ENCRYPTION_KEYS must hold at least one key')
  check(new Set(keys.map(({ id }) => id)).size === keys.length, 'ENCRYPTION_KEYS: two keys have the same id')
  return keys
}

function parseClients (json: string, production: boolean, check: Check): ClientSettings[] {
  let clients: unknown
  try {
    clients = JSON.parse(json)
  } catch {
    check(false, 'CLIENTS must be JSON, such as [{"client_id":"web","name":"Web app","redirect_uris":["https://app.example.com/callback"]}]')
    return []
  }
  const validate = new Ajv({ meta: false, validateSchema: false }).compile(ClientSettingsSchema)
  const error = validate(clients) ? undefined : validate.errors?.[0]
  if (error) {
    check(false, `CLIENTS${error.instancePath} ${error.message}`)
    return []
  }
  const known = clients as ClientSettings[]
  check(new Set(known.map((client) => client.client_id)).size === known.length, 'CLIENTS: two clients have the same client_id')
  for (const client of known) {
    check(client.client_id !== OWN_CLIENT_ID, `CLIENTS: "${OWN_CLIENT_ID}" is the client_id of Signet itself; give the client another`)
    for (const uri of [...client.redirect_uris, ...client.post_logout_redirect_uris ?? []]) {
      check(isRedirectUri(uri), `CLIENTS: "${uri}" of ${client.client_id} must be an absolute URI without a fragment, in ASCII and of at most 1000 characters`)
    }
    if (client.client_secret !== undefined) {
      check(!production || (client.client_secret.length >= 16 && !PLACEHOLDER.test(client.client_secret)),
        `CLIENTS: the client_secret of ${client.client_id} is too short or an example; make one with: openssl rand -base64 32`)
    }
  }
  return known
}

function hasScheme (text: string, schemes: string[]): boolean {
  return schemes.includes(parseUrl(text)?.protocol ?? '')
}

function isCollector (text: string): boolean {
  const url = parseUrl(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.search === ''
}

function isOrigin (text: string): boolean {
  const url = parseUrl(text)
  return url !== null && ['http:', 'https:'].includes(url.protocol) && url.origin === text
}

function isAddressRange (text: string): boolean {
  const [address, prefix, ...rest] = text.split('/')
  const version = isIP(address ?? '')
  if (version === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}

function deepFreeze<Value> (value: Value): Value {
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
