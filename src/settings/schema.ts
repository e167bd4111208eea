import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { Type, type TObject, type TSchema } from 'typebox'
import { parseProxy, PROXY_RULE } from '../http/forward-proxy.ts'
import { isLoopback, parseUrl, webOrigin } from '../http/url.ts'
import { isSecret } from '../webhooks/signing.ts'

const DAY = 24 * 60 * 60

/** By client id metadata documents, and by RFC 7591. */
const REGISTRATIONS = ['metadata-documents', 'dynamic']

/** A whole number within limits. */
const Integer = (variable: string, limits: { minimum: number, maximum: number, default?: number }) =>
  Type.Integer({ ...limits, variable, rule: `must be a whole number, ${limits.minimum} to ${limits.maximum}` })

const Seconds = (variable: string, limits: { minimum: number, maximum: number, default: number }) =>
  Type.Integer({ ...limits, variable, rule: `must be whole seconds, ${limits.minimum} to ${limits.maximum}` })

const OneOf = <Word extends string>(variable: string, words: readonly Word[], defaultWord: NoInfer<Word>) =>
  Type.Enum<Word[]>(words, { variable, default: defaultWord, rule: `must be ${listOf(words)}` })

/** Written as one of two words, the one for false first. */
const Flag = (variable: string, words: [string, string], defaultValue: boolean) =>
  Type.Boolean({ variable, words, default: defaultValue, rule: `must be ${words[1]} or ${words[0]}` })

const Text = (variable: string, check: (text: string) => boolean, rule: string) =>
  Type.Refine(Type.String({ variable, rule }), check)

const Url = (variable: string, check: (url: URL, text: string) => boolean, rule: string) =>
  Text(variable, (text) => URL.canParse(text) && check(new URL(text), text), rule)

/** Comma-separated; `none` stands for the empty list. A mistake quotes the entry, so lists must not contain secrets. */
const List = (variable: string, check: (entry: string) => boolean, rule: string, none?: string) =>
  Type.Array(Type.Refine(Type.String(), check), { variable, rule, none, default: [] })

/**
 * Every setting with a fixed name: the environment variable that it is read from, its type, limits and default, and the
 * `rule` that completes the error message "<variable> <rule>". .env.example explains them to operators.
 */
export function settingsSchema (production: boolean) {
  const schemes = production ? 'https:// (http:// for loopback hosts only)' : 'https:// or http://'
  const isSafe = (url: URL) =>
    url.protocol === 'https:' || (url.protocol === 'http:' && (!production || isLoopback(url)))

  return Type.Object({
    host: Type.String({ variable: 'HOST', default: '127.0.0.1' }),
    port: Integer('PORT', { minimum: 1, maximum: 65535, default: 3000 }),
    /** Absent: http://localhost and the port. */
    issuerUrl: Type.Optional(Url('ISSUER_URL', (url, text) => isSafe(url) && isPlain(url) && !text.endsWith('/'),
      `must be a URL that starts with ${schemes}, without a slash at the end, a query, a fragment or a user name`)),
    httpsProxy: Type.Optional(Text('HTTPS_PROXY', isProxy, PROXY_RULE)),
    httpProxy: Type.Optional(Text('HTTP_PROXY', isProxy, PROXY_RULE)),
    noProxy: Type.Optional(Type.String({ variable: 'NO_PROXY' })),
    trustProxy: List('TRUST_PROXY', isAddressRange,
      'is neither an IP address nor a range such as 10.0.0.0/8; "true" would trust every client', 'false'),
    logLevel: OneOf('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    // A load balancer that asks for readiness every few seconds has noticed after five; Docker kills after ten.
    shutdownDelaySeconds: Seconds('SHUTDOWN_DELAY', { minimum: 0, maximum: 300, default: production ? 5 : 0 }),
    /** Absent: traces are off, and OpenTelemetry is not loaded. */
    traces: Type.Optional(Type.Object({
      endpoint: Url('OTEL_EXPORTER_OTLP_ENDPOINT', (url) => isHttp(url) && isPlain(url),
        'must be a URL that starts with http:// or https://, without a query, a fragment or a user name'),
      headers: Type.Optional(Type.String({ variable: 'OTEL_EXPORTER_OTLP_HEADERS' }))
    })),

    /** Absent: an embedded PostgreSQL in `.data/`. */
    databaseUrl: Type.Optional(Type.String({ variable: 'DATABASE_URL' })),
    databasePoolSize: Integer('DATABASE_POOL_SIZE', { minimum: 1, maximum: 1000, default: 10 }),
    redisUrl: Type.Optional(Url('REDIS_URL', ({ protocol }) => ['redis:', 'rediss:'].includes(protocol),
      'must be a URL that starts with redis:// or rediss://')),

    signingAlgorithm: OneOf('SIGNING_ALG', ['ES256', 'RS256', 'EdDSA'], 'ES256'),
    signingKeyRotationSeconds: Seconds('SIGNING_KEY_ROTATION', { minimum: 1, maximum: 3650 * DAY, default: 90 * DAY }),
    /** Empty: the issuer URL. */
    tokenAudience: List('TOKEN_AUDIENCE', () => true, ''),
    accessTokenType: OneOf('ACCESS_TOKEN_TYPE', ['at+jwt', 'JWT'], 'at+jwt'),
    accessTokenSeconds: Seconds('ACCESS_TOKEN_TTL', { minimum: 1, maximum: 60 * 60, default: 15 * 60 }),
    refreshTokenSeconds: Seconds('REFRESH_TOKEN_TTL', { minimum: 1, maximum: 3650 * DAY, default: 30 * DAY }),
    sessionSeconds: Seconds('SESSION_TTL', { minimum: 1, maximum: 3650 * DAY, default: 180 * DAY }),
    refreshReuseGraceSeconds: Seconds('REFRESH_REUSE_GRACE', { minimum: 0, maximum: 60, default: 30 }),

    allowedOrigins: List('ALLOWED_ORIGINS', isOrigin,
      'is not an origin; write scheme, host and port only, such as https://app.example.com'),
    /** What people see on the pages. Absent: the issuer's host, and no logo or links. */
    appName: Type.Optional(Text('APP_NAME', isName, 'must be a name of 1 to 100 characters')),
    logoUrl: Type.Optional(Url('LOGO_URL', isSafe, `must be a URL that starts with ${schemes}`)),
    privacyUrl: Type.Optional(Url('PRIVACY_URL', isSafe, `must be a URL that starts with ${schemes}`)),
    termsUrl: Type.Optional(Url('TERMS_URL', isSafe, `must be a URL that starts with ${schemes}`)),
    autoLink: OneOf('AUTO_LINK', ['verified', 'never'], 'verified'),
    providerDeletions: OneOf('PROVIDER_DELETIONS', ['delete', 'keep'], 'delete'),
    signUps: OneOf('SIGN_UPS', ['open', 'closed'], 'open'),
    allowedEmailDomains: List('ALLOWED_EMAIL_DOMAINS', isDomain,
      'is not a domain; write what stands after the @ of an address, such as example.com'),
    adminEmails: List('ADMIN_EMAILS', isEmail, 'is not an email address'),
    /** Absent: any number. */
    maxSessionsPerUser: Type.Optional(Integer('MAX_SESSIONS_PER_USER', { minimum: 1, maximum: 1000 })),
    auditRetentionSeconds: Seconds('AUDIT_RETENTION', { minimum: 1, maximum: 3650 * DAY, default: 400 * DAY }),
    rateLimits: Flag('RATE_LIMITS', ['off', 'on'], true),
    /** The ways by which clients register themselves. */
    registration: List('REGISTRATION', (entry) => REGISTRATIONS.includes(entry),
      `is no way to register; write ${REGISTRATIONS.join(', ')} or both`, 'none'),

    /** A service of the operator that decides whether a user may be created. */
    creationHook: Type.Optional(Type.Object({
      url: Url('BEFORE_USER_CREATED_URL', (url) => isSafe(url) && url.username === '',
        `must be a URL that starts with ${schemes}, without a user name`),
      secret: Text('BEFORE_USER_CREATED_SECRET', isSecret,
        'must be whsec_ and 24 to 64 bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"'),
      onFailure: OneOf('BEFORE_USER_CREATED_ON_FAILURE', ['deny', 'allow'], 'deny')
    })),
    webhookAllowPrivateAddresses: Flag('WEBHOOK_ALLOW_PRIVATE_ADDRESSES', ['false', 'true'], !production)
  })
}

/** The names of the variables that a schema describes. */
export function settingNames (schema: TObject): string[] {
  return Object.values<TSchema>(schema.properties).flatMap((member) =>
    Type.IsObject(member) ? settingNames(member as TObject) : [(member as TSchema & { variable: string }).variable])
}

function listOf (words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]+)$/, ' or $1')
}

function isHttp (url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:'
}

function isPlain (url: URL): boolean {
  return url.search === '' && url.hash === '' && url.username === ''
}

function isOrigin (text: string): boolean {
  const url = parseUrl(text)
  return url !== null && webOrigin(url) === text
}

function isName (text: string): boolean {
  return /^\P{C}{1,100}$/u.test(text) && text.trim() === text
}

function isEmail (text: string): boolean {
  return /^[^@\s]+@[^@\s]+$/.test(text)
}

function isProxy (text: string): boolean {
  return parseProxy(text) !== null
}

function isDomain (text: string): boolean {
  return /^[\p{L}\p{M}\p{N}-]+(\.[\p{L}\p{M}\p{N}-]+)+$/u.test(text) && domainToASCII(text.normalize('NFKC')) !== ''
}

function isAddressRange (text: string): boolean {
  const [address, prefix, ...rest] = text.split('/')
  const version = isIP(address ?? '')
  if (version === 0 || rest.length > 0) return false
  return prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}
