import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import t from 'tap'
import { POINTERS } from '../src/providers/oauth-by-settings.ts'
import { BUILT_IN_PROVIDERS } from '../src/providers/registry.ts'
import { providerSettingNames } from '../src/providers/settings.ts'
import { SettingsError, readSettings } from '../src/settings.ts'
import { settingsSchema } from '../src/settings/schema.ts'

const KEY = `k1:${randomBytes(32).toString('base64')}`
const PRODUCTION = {
  NODE_ENV: 'production',
  ISSUER_URL: 'https://id.example.com',
  DATABASE_URL: 'postgresql://db/signet',
  ENCRYPTION_KEYS: KEY
}

function mistakes (environment: Record<string, string>): string[] {
  try {
    readSettings(environment)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes
    throw error
  }
}

t.test('with nothing set the defaults of the contract hold', async (t) => {
  t.match(readSettings({}), {
    production: false,
    host: '127.0.0.1',
    port: 3000,
    issuerUrl: 'http://localhost:3000',
    databasePoolSize: 10,
    signingAlgorithm: 'ES256',
    signingKeyRotationSeconds: 90 * 24 * 3600,
    tokenAudience: ['http://localhost:3000'],
    resources: [],
    accessTokenType: 'at+jwt',
    accessTokenSeconds: 900,
    refreshTokenSeconds: 2592000,
    sessionSeconds: 15552000,
    refreshReuseGraceSeconds: 30,
    allowedOrigins: [],
    clients: [],
    autoLink: 'verified',
    providerDeletions: 'delete',
    signUps: 'open',
    allowedEmailDomains: [],
    maxSessionsPerUser: undefined,
    rateLimits: true,
    shutdownDelaySeconds: 0,
    trustProxy: false,
    logLevel: 'info',
    webhookAllowPrivateAddresses: true,
    creationHook: undefined,
    providers: []
  })
  t.equal(readSettings({ PORT: '8080' }).issuerUrl, 'http://localhost:8080')
  t.equal(readSettings({ MAX_SESSIONS_PER_USER: '1' }).maxSessionsPerUser, 1)
  for (const value of ['0', '-1', '1.5', 'many']) {
    t.same(
      mistakes({ MAX_SESSIONS_PER_USER: value }),
      ['MAX_SESSIONS_PER_USER must be a whole number, 1 to 1000'],
      value
    )
  }
  t.ok(Object.isFrozen(readSettings({})))
  t.same(
    readSettings({ PORT: ' ', GITHUB_CLIENT_ID: '', GITHUB_CLIENT_SECRET: '' }).providers,
    [],
    'empty counts as unset'
  )
})

t.test('every mistake is named at once, and no secret is told', async (t) => {
  const found = mistakes({
    NODE_ENV: 'production',
    PORT: '99999',
    REFRESH_REUSE_GRACE: '61',
    ACCESS_TOKEN_TTL: '1.5',
    AUTO_LINK: 'always',
    PROVIDER_DELETIONS: 'never',
    SIGN_UPS: 'no',
    MAX_SESSIONS_PER_USER: '1001',
    ISSUER_URL: 'http://id.example.com/',
    DATABASE_URL: 'mysql://user:canary-password@db/x',
    ENCRYPTION_KEYS: 'k1:Y2FuYXJ5',
    CLIENTS: '[{"client_id":"x"}]',
    ALLOWED_ORIGINS: 'https://app.example.com/path',
    TRUST_PROXY: 'true',
    GITHUB_CLIENT_ID: 'x',
    GOOGLE_CLIENT_SECRET: 'canary-google',
    OIDC_PROVIDERS: 'acme',
    OIDC_ACME_ISSUER: 'http://acme.example',
    OIDC_ACME_CLIENT_SECRET: 'changeme',
    WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'yes',
    BEFORE_USER_CREATED_URL: 'http://hook.example.com',
    BEFORE_USER_CREATED_SECRET: 'whsec_Y2FuYXJ5',
    BEFORE_USER_CREATED_ON_FAILURE: 'maybe',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.com/?key=canary'
  })
  for (const name of [
    'PORT',
    'REFRESH_REUSE_GRACE',
    'ACCESS_TOKEN_TTL',
    'AUTO_LINK',
    'PROVIDER_DELETIONS',
    'SIGN_UPS',
    'MAX_SESSIONS_PER_USER',
    'ISSUER_URL',
    'DATABASE_URL',
    'ENCRYPTION_KEYS',
    'CLIENTS',
    'ALLOWED_ORIGINS',
    'TRUST_PROXY',
    'GITHUB_CLIENT_SECRET',
    'GOOGLE_CLIENT_ID',
    'OIDC_ACME_ISSUER',
    'OIDC_ACME_CLIENT_ID',
    'OIDC_ACME_CLIENT_SECRET',
    'WEBHOOK_ALLOW_PRIVATE_ADDRESSES',
    'BEFORE_USER_CREATED_URL',
    'BEFORE_USER_CREATED_SECRET',
    'BEFORE_USER_CREATED_ON_FAILURE',
    'OTEL_EXPORTER_OTLP_ENDPOINT'
  ]) {
    t.ok(
      found.some((mistake) => mistake.startsWith(name)),
      name
    )
  }
  t.notMatch(found.join('\n'), /canary|Y2FuYXJ5|changeme/)
})

t.test('a variable that looks like a setting and is none is told with the nearest one', async (t) => {
  const typed = {
    ALOWED_ORIGINS: 'ALLOWED_ORIGINS',
    ALLOWED_ORIGIN: 'ALLOWED_ORIGINS',
    DATABASE_URI: 'DATABASE_URL',
    DATABASEURL: 'DATABASE_URL',
    issuer_url: 'ISSUER_URL',
    ISSUER_URL_FILE: 'ISSUER_URL',
    TRUSTED_PROXY: 'TRUST_PROXY',
    ENCRYPTION_KEY: 'ENCRYPTION_KEYS',
    CLIENT: 'CLIENTS',
    LOG_LEVLE: 'LOG_LEVEL',
    GITHUB_ID: 'GITHUB_CLIENT_ID',
    GITHUB_SECRET: 'GITHUB_CLIENT_SECRET',
    GITHUB_CLIENTID: 'GITHUB_CLIENT_ID',
    GITUHB_CLIENT_ID: 'GITHUB_CLIENT_ID',
    GOOGLE_OAUTH_CLIENT_ID: 'GOOGLE_CLIENT_ID',
    GITHUB_ORGANISATIONS: 'GITHUB_ORGANIZATIONS',
    OIDC_PROVIDER: 'OIDC_PROVIDERS',
    OIDC_ACME_ISSUER_URL: 'OIDC_ACME_ISSUER',
    OIDC_ACME_SECRET: 'OIDC_ACME_CLIENT_SECRET'
  }
  const acme = {
    OIDC_PROVIDERS: 'acme',
    OIDC_ACME_ISSUER: 'https://id.acme.example',
    OIDC_ACME_CLIENT_ID: 'a',
    OIDC_ACME_CLIENT_SECRET: 'a long and random secret'
  }
  for (const [name, setting] of Object.entries(typed)) {
    const sentence = `${name} is not a setting; did you mean ${setting}?`
    t.same(readSettings({ ...acme, [name]: 'canary' }).warnings, [sentence])
    t.same(mistakes({ ...acme, ...PRODUCTION, [name]: 'canary' }), [sentence], 'in production it stops the start')
  }
  t.same(mistakes({ ...PRODUCTION, NODE_ENV: 'prod' }), ['NODE_ENV must be "production", to the letter, in production'])
  t.same(readSettings({ OIDC_OTHER_ONE_CLIENT_ID: 'x', OIDC_PROVIDERS: '' }).warnings, [
    'OIDC_OTHER_ONE_CLIENT_ID has no effect: other-one is not in OIDC_PROVIDERS'
  ])
})

t.test("other programs' variables are no misspelt settings", async (t) => {
  // Of shells, npm, Node, proxies, GitHub Actions, clouds, Kubernetes (a Service named redis), and of what runs beside.
  const names = `PATH HOME USER SHELL LANG TERM PWD OLDPWD SHLVL HOSTNAME HOSTTYPE DISPLAY EDITOR LOGNAME TZ POST SORT
    NODE NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS INIT_CWD COLOR npm_config_user_agent npm_package_name npm_execpath
    http_proxy https_proxy no_proxy ftp_proxy FTP_PROXY all_proxy ALL_PROXY GOPROXY SSL_CERT_FILE
    CI GITHUB_ACTION GITHUB_ACTIONS GITHUB_ACTOR GITHUB_ACTOR_ID GITHUB_BASE_REF GITHUB_ENV GITHUB_EVENT_NAME
    GITHUB_EVENT_PATH GITHUB_GRAPHQL_URL GITHUB_HEAD_REF GITHUB_JOB GITHUB_OUTPUT GITHUB_PATH GITHUB_REF GITHUB_REF_NAME
    GITHUB_REPOSITORY GITHUB_REPOSITORY_ID GITHUB_RUN_ID GITHUB_SERVER_URL GITHUB_SHA GITHUB_STATE GITHUB_STEP_SUMMARY
    GITHUB_TOKEN GITHUB_WORKFLOW GITHUB_WORKSPACE GH_TOKEN GITLAB_USER_ID GITLAB_TOKEN SLACK_BOT_TOKEN SLACK_CHANNEL
    SLACK_SIGNING_SECRET SLACK_WEBHOOK_URL GOOGLE_APPLICATION_CREDENTIALS GOOGLE_CLOUD_PROJECT GOOGLE_API_KEY
    REDIS_PORT REDIS_HOST REDIS_PASSWORD REDIS_SERVICE_HOST REDIS_SERVICE_PORT REDIS_PORT_6379_TCP REDIS_NAME
    SIGNET_PORT SIGNET_SERVICE_HOST KUBERNETES_PORT POSTGRES_USER POSTGRES_DB PGUSER PGHOST PGPASSWORD DATABASE_HOST
    DATABASE_NAME DATABASE_SSL DATABASE_PORT API_URL API_KEY CLIENT_ID CLIENT_SECRET TOKEN_URL SCOPE NAME SOURCES
    XAI_API_URL JINA_API_URL LIVE_API_URL STACK_NAME STACK_API_URL APP_ID TEAM_ID OTEL_SERVICE_NAME
    OTEL_BSP_SCHEDULE_DELAY OTEL_RESOURCE_ATTRIBUTES OTEL_EXPORTER_OTLP_TIMEOUT OTEL_TRACES_SAMPLER
    DATABASE_URL_FILE_PATH SENTRY_DSN SMTP_HOST SMTP_PORT AWS_REGION WEB_CONCURRENCY PM2_HOME DYNO`
  const foreign = Object.fromEntries(names.split(/\s+/).map((name) => [name, 'http://127.0.0.1:1']))
  t.same(mistakes({ ...foreign, ...PRODUCTION }), [])
  t.same(readSettings(foreign).warnings, [])
})

t.test('every name that the settings of a provider are read by is known', async (t) => {
  const source = await readFile(new URL('../src/providers/settings.ts', import.meta.url), 'utf8')
  const read = [...source.matchAll(/setting\('(\w+)'\)/g)].map(([, name]) => `GITHUB_${name}`)
  t.ok(read.length > 10)
  const known = providerSettingNames({})
  t.same(read.filter((name) => !known.includes(name)), [])
  const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
  const shown = Object.fromEntries([...example.matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => [name, 'x']))
  const lists = { OIDC_PROVIDERS: 'acme', OAUTH_PROVIDERS: 'forum' }
  t.same(mistakes({ ...shown, ...lists, NODE_ENV: 'production' }).filter((mistake) => /did you mean/.test(mistake)), [])
})

t.test('DATABASE_URL is told to be wrong without a part of it', async (t) => {
  const tell = (DATABASE_URL: string) => mistakes({ DATABASE_URL })
  for (const password of ['can#ary', 'can/ary', '1/canary', '1?canary', 'can%ary', 'can%4', '#canary', '/canary@x']) {
    t.match(tell(`postgresql://signet:${password}@db.example.com/signet`), [
      /^DATABASE_URL must be a URL such as postgresql:.*percent-encoded: # as %23/
    ], password)
  }
  for (const password of ['p@ss', 'p%40ss', 'p%23%2F%3F%25', "!$&'()*+,;=~"]) {
    t.same(tell(`postgresql://signet:${password}@db.example.com/signet`), [], password)
  }
  const hosts = 'postgresql://u:p,x@db1:5432,db2:5432/signet'
  for (const query of ['', '?target_session_attrs=read-write', '?sslmode=require&target_session_attrs=primary']) {
    t.same(tell(hosts + query), [], query)
  }
  t.match(tell(`${hosts}?target_session_attrs=any`), [/^DATABASE_URL must have target_session_attrs=read-write where/])
  const inQuery = 'postgresql:///signet?user=u&host=db1,db2&port=5432,5433'
  t.match(tell(inQuery), [/^DATABASE_URL must list several hosts before/])
  t.match(tell('postgresql://u:p@db1:5432,db2:port/signet'), [/^DATABASE_URL must be a URL such as/])
  t.match(tell('postgresql://u:p#x@db1:5432,db2/signet'), [/^DATABASE_URL must be a URL such as/])
  t.same(tell('mysql://signet:canary@db/signet'), ['DATABASE_URL must be a URL that starts with postgresql://'])
  t.match(tell('postgresql://db:port/signet'), [/^DATABASE_URL must be a URL such as/])
  for (const mode of ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']) {
    const given = `postgresql://db/signet?application_name=x&sslmode=${mode}`
    const kept = ['disable', 'no-verify'].includes(mode) ? mode : 'verify-full'
    const url = given.replace(/[a-z-]+$/, kept)
    t.equal(readSettings({ DATABASE_URL: given }).databaseUrl, url, 'what encrypts also verifies')
  }
  t.match(tell('postgresql://db/signet?sslmode=on'), [/^DATABASE_URL must have a sslmode that is one of disable, allow/])
  t.same(tell('postgresql://db/signet?sslrootcert=/nonexistent.pem'), [
    'DATABASE_URL must name a file that can be read as sslrootcert (ENOENT)'
  ])
})

t.test('every wrong entry of a list is quoted', async (t) => {
  t.same(
    mistakes({
      ALLOWED_ORIGINS: 'https://a.example/, https://b.example, c.example',
      TRUST_PROXY: '10.0.0.0/8, 10.0.0.0/33, 0.0.0.0/0',
      ADMIN_EMAILS: 'a, b@example.com',
      ALLOWED_EMAIL_DOMAINS: '@a.example, b.example, *.c.example, localhost, d..example, e/example.com'
    }),
    [
      'TRUST_PROXY: "10.0.0.0/33" is neither an IP address nor a range such as 10.0.0.0/8; "true" would trust ' +
        'every client',
      'TRUST_PROXY: "0.0.0.0/0" is neither an IP address nor a range such as 10.0.0.0/8; "true" would trust every ' +
        'client',
      'ALLOWED_ORIGINS: "https://a.example/" is not an origin; write scheme, host and port only, such as ' +
        'https://app.example.com',
      'ALLOWED_ORIGINS: "c.example" is not an origin; write scheme, host and port only, such as ' +
        'https://app.example.com',
      ...['@a.example', '*.c.example', 'localhost', 'd..example', 'e/example.com'].map((domain) =>
        `ALLOWED_EMAIL_DOMAINS: "${domain}" is not a domain; write what stands after the @ of an address, such as ` +
          'example.com'),
      'ADMIN_EMAILS: "a" is not an email address'
    ]
  )
  t.match(
    readSettings({
      ALLOWED_ORIGINS: 'https://a.example',
      TRUST_PROXY: '10.0.0.0/8, ::1',
      ADMIN_EMAILS: ' Vera@Example.com ',
      ALLOWED_EMAIL_DOMAINS: 'Example.com, bücher.example'
    }),
    {
      allowedOrigins: ['https://a.example'],
      trustProxy: ['10.0.0.0/8', '::1'],
      adminEmails: ['vera@example.com'],
      allowedEmailDomains: ['example.com', 'bücher.example', 'xn--bcher-kva.example']
    }
  )
  t.equal(readSettings({ TRUST_PROXY: 'false' }).trustProxy, false)
})

t.test('settings that belong together are set together', async (t) => {
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const url = 'https://hook.example.com'
  t.same(readSettings({ BEFORE_USER_CREATED_URL: url, BEFORE_USER_CREATED_SECRET: secret }).creationHook, {
    url,
    secret,
    onFailure: 'deny'
  })
  t.equal(readSettings({ BEFORE_USER_CREATED_ON_FAILURE: 'allow' }).creationHook, undefined)
  t.match(mistakes({ BEFORE_USER_CREATED_URL: url }), [/^BEFORE_USER_CREATED_SECRET is missing; it must be whsec_ and/])
  t.match(mistakes({ BEFORE_USER_CREATED_SECRET: secret }), [/^BEFORE_USER_CREATED_URL is missing; it must be a URL/])
  const endpoint = 'http://collector:4318'
  t.same(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }).traces, {
    endpoint,
    headers: 'a=b'
  })
  t.equal(readSettings({ OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }).traces, undefined)
})

t.test('REGISTRATION names ways to register, and needs RESOURCES', async (t) => {
  const RESOURCES = JSON.stringify([{
    resource: 'urn:notes', name: 'Notes', scopes: ['read'], scope_descriptions: { read: 'Read notes' }
  }])
  t.same(readSettings({}).registration, [])
  t.same(readSettings({ REGISTRATION: 'none' }).registration, [])
  t.same(readSettings({ REGISTRATION: 'metadata-documents, dynamic', RESOURCES }).registration, [
    'metadata-documents', 'dynamic'
  ])
  t.match(mistakes({ REGISTRATION: 'dynamic' }), [/REGISTRATION needs RESOURCES/])
  t.match(mistakes({ REGISTRATION: 'open', RESOURCES }), [/REGISTRATION.*"open"/])
  t.match(mistakes({ RESOURCES: RESOURCES.replace('["read"]', '["write"]') }), [/scope_descriptions of urn:notes/])
})

t.test('a forward proxy, in capitals or not', async (t) => {
  t.match(readSettings({ https_proxy: 'http://u:p@proxy:3128', no_proxy: 'a.example' }), {
    httpsProxy: 'http://u:p@proxy:3128', httpProxy: undefined, noProxy: 'a.example'
  })
  t.equal(readSettings({ HTTP_PROXY: 'one:3128', http_proxy: 'other:3128' }).httpProxy, 'one:3128')
  for (const wrong of ['socks5://canary:1080', 'http://', 'http://canary/path', 'ca nary']) {
    t.same(mistakes({ HTTPS_PROXY: wrong }), [
      'HTTPS_PROXY must be the URL of an HTTP proxy, such as http://proxy.example.com:3128'
    ], wrong)
  }
})

t.test('a number is written in decimal digits', async (t) => {
  for (const PORT of ['0x10', '1e3', '+80', '80.0', '-1', '8 0', 'http']) {
    t.same(mistakes({ PORT }), ['PORT must be a whole number, 1 to 65535'], PORT)
  }
})

t.test('production demands https, a database and real keys', async (t) => {
  t.same(mistakes(PRODUCTION), [])
  t.equal(readSettings(PRODUCTION).webhookAllowPrivateAddresses, false)
  t.same(mistakes({ ...PRODUCTION, ISSUER_URL: 'http://127.0.0.1:3000' }), [], 'http on a loopback host')
  for (const name of ['DATABASE_URL', 'ENCRYPTION_KEYS', 'ISSUER_URL'] as const) {
    const { [name]: _left, ...rest } = PRODUCTION
    t.match(mistakes(rest)[0], name)
  }
  for (const [name, key] of Object.entries({
    short: randomBytes(31).toString('base64'),
    zero: Buffer.alloc(32).toString('base64'),
    repeated: Buffer.from('ab'.repeat(16)).toString('base64')
  })) { t.match(mistakes({ ...PRODUCTION, ENCRYPTION_KEYS: `k1:${key}` })[0], 'ENCRYPTION_KEYS', name) }
  t.match(mistakes({ ...PRODUCTION, ISSUER_URL: 'http://id.example.com' })[0], 'ISSUER_URL')
  for (const secret of ['changeme', 'secret', 'your-client-secret', 'example', '<secret>', 'xxxx']) {
    t.match(
      mistakes({ ...PRODUCTION, GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: secret })[0],
      'GITHUB_CLIENT_SECRET',
      secret
    )
  }
  const clients = JSON.stringify([{ client_id: 'web', name: 'Web', redirect_uris: [], client_secret: 'short' }])
  t.match(mistakes({ ...PRODUCTION, CLIENTS: clients })[0], /CLIENTS.*openssl rand -hex 32/, 'a secret without + / =')
  t.match(
    mistakes({
      ...PRODUCTION,
      GITHUB_CLIENT_ID: 'x',
      GITHUB_CLIENT_SECRET: 'y'.repeat(40),
      GITHUB_API_URL: 'http://github.internal'
    })[0],
    'GITHUB_API_URL'
  )
  t.same(
    mistakes({
      ...PRODUCTION,
      GITHUB_CLIENT_ID: 'x',
      GITHUB_CLIENT_SECRET: 'y'.repeat(40),
      GITHUB_API_URL: 'http://127.0.0.1:9/api/v3'
    }),
    []
  )
})

t.test('TOKEN_CLAIMS and ID_TOKEN_CLAIMS overwrite no claim that means something to Signet', async (t) => {
  const claims = { tenant: '{user.metadata.tenant}', email: '{user.email}' }
  t.same(readSettings({ TOKEN_CLAIMS: JSON.stringify(claims) }).tokenClaims, claims)
  t.equal(readSettings({}).tokenClaims, undefined)
  for (const name of ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'sid', 'scope', 'roles', 'cnf']) {
    for (const setting of ['TOKEN_CLAIMS', 'ID_TOKEN_CLAIMS']) {
      t.match(mistakes({ [setting]: JSON.stringify({ [name]: 'x' }) }), [`${setting} must not have "${name}"`])
    }
  }
  for (const name of ['email', 'email_verified', 'name', 'picture', 'preferred_username']) {
    t.match(mistakes({ ID_TOKEN_CLAIMS: JSON.stringify({ [name]: 'x' }) }), [`ID_TOKEN_CLAIMS must not have "${name}"`])
  }
  for (const json of ['x', '[]', '"a"', 'null', '1']) {
    t.match(mistakes({ TOKEN_CLAIMS: json }), [/^TOKEN_CLAIMS must be a JSON object, such as \{/], json)
  }
  t.match(mistakes({ TOKEN_CLAIMS: '{"a":"{user.phone}"}' }), ['TOKEN_CLAIMS has {user.phone}, which is no place'])
  t.match(mistakes({ ACCESS_TOKEN_TYPE: 'jwt' }), ['ACCESS_TOKEN_TYPE must be at+jwt or JWT'])
})

t.test('RESOURCES are URIs with scopes of their own, and no audience of Signet', async (t) => {
  const api = { resource: 'https://api.example.com', name: 'Notes', scopes: ['notes:read'] }
  const settings = readSettings({ RESOURCES: JSON.stringify([api]), TOKEN_AUDIENCE: 'https://a, https://b' })
  t.same([settings.resources, settings.tokenAudience], [[api], ['https://a', 'https://b']])
  const wrong = (more: object, environment: Record<string, string> = {}) =>
    mistakes({ RESOURCES: JSON.stringify([{ ...api, ...more }]), ...environment })[0]
  t.match(mistakes({ RESOURCES: 'https://api.example.com' })[0], /^RESOURCES must be JSON, such as \[/)
  t.match(mistakes({ RESOURCES: JSON.stringify([api, api]) }), ['RESOURCES: two entries have the same resource'])
  for (const resource of ['api', '/notes', 'https://api.example.com/#a', 'https://api.example.com/ä', 'https://a b']) {
    t.match(wrong({ resource }), /^RESOURCES: ".*" must be an absolute URI without a fragment/, resource)
  }
  t.equal(wrong({ resource: 'urn:example:notes' }), undefined)
  for (const scopes of [['a b'], ['"'], [''], ['\\'], 'notes']) t.match(wrong({ scopes }), /^RESOURCES\/0\/scopes/)
  t.match(wrong({ scopes: ['openid'] }), /^RESOURCES: "openid" of .* is a scope of Signet itself/)
  t.match(wrong({ secret: 'x' }), /^RESOURCES\/0/)
  t.match(wrong({ name: '' }), /^RESOURCES\/0\/name/)
  t.match(wrong({ resource: 'http://localhost:3000' }), /^RESOURCES: .* by TOKEN_AUDIENCE/)
  t.match(wrong({}, { TOKEN_AUDIENCE: 'https://x, https://api.example.com' }), /^RESOURCES: .* by TOKEN_AUDIENCE/)
  const client = { client_id: 'web', name: 'Web', redirect_uris: [], resource: ['https://api.example.com', 'https://x'] }
  t.same(mistakes({ RESOURCES: JSON.stringify([api]), CLIENTS: JSON.stringify([client]) }),
    ['CLIENTS: the resource "https://x" of web is not in RESOURCES'])
})

t.test('a client is not called as Signet is, and has redirect URIs that can be asked for', async (t) => {
  const client = (more: object) =>
    mistakes({ CLIENTS: JSON.stringify([{ client_id: 'web', name: 'Web', redirect_uris: [], ...more }]) })
  t.match(client({ require_pkce: false })[0], /CLIENTS: web needs PKCE/)
  t.same(client({ require_pkce: true }), [])
  t.same(client({ require_pkce: false, client_secret: 'x'.repeat(32) }), [])
  t.same(client({ redirect_uris: ['com.example.app:/callback', `https://app.example.com/${'x'.repeat(900)}`] }), [])
  t.match(client({ client_id: 'signet' })[0], /CLIENTS: "signet" is the client_id of Signet itself/)
  t.match(client({ client_id: 'signet-docs' })[0], /CLIENTS: "signet-docs" is the client_id of Signet itself/)
  for (const uri of [
    '/callback',
    'https://app.example.com/#x',
    'https://bücher.example/',
    'https://app.example.com/a b',
    `https://app.example.com/${'x'.repeat(1000)}`
  ]) {
    t.match(client({ redirect_uris: [uri] })[0], /CLIENTS: ".*" of web must be an absolute URI/, uri)
    t.match(client({ post_logout_redirect_uris: [uri] })[0], /CLIENTS/, uri)
  }
})

t.test('a secret may come from a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'signet-settings-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'key'), `${KEY}\n`)
  await writeFile(join(folder, 'secret'), 'from a file\n')
  const settings = readSettings({
    ENCRYPTION_KEYS_FILE: join(folder, 'key'),
    GITHUB_CLIENT_ID: 'x',
    GITHUB_CLIENT_SECRET_FILE: join(folder, 'secret')
  })
  t.equal(settings.encryptionKeys?.[0]?.key.length, 32)
  t.equal(settings.providers[0]?.clientSecret, 'from a file')
  t.match(mistakes({ DATABASE_URL_FILE: join(folder, 'missing') })[0], /DATABASE_URL_FILE cannot be read/)
  t.match(mistakes({ ENCRYPTION_KEYS: KEY, ENCRYPTION_KEYS_FILE: join(folder, 'key') })[0], /both set/)
})

t.test('any number of OpenID Connect issuers', async (t) => {
  const settings = readSettings({
    OIDC_PROVIDERS: 'acme, my-keycloak',
    OIDC_ACME_ISSUER: 'https://acme.example',
    OIDC_ACME_CLIENT_ID: 'a',
    OIDC_ACME_CLIENT_SECRET: 'b',
    OIDC_ACME_EMAIL_TRUSTED: 'true',
    OIDC_MY_KEYCLOAK_ISSUER: 'http://localhost:8080/realms/x',
    OIDC_MY_KEYCLOAK_CLIENT_ID: 'c',
    OIDC_MY_KEYCLOAK_CLIENT_SECRET: 'd',
    OIDC_MY_KEYCLOAK_SCOPE: 'openid, email'
  })
  t.match(settings.providers, [
    { id: 'acme', kind: 'oidc', issuer: 'https://acme.example', emailTrusted: true },
    { id: 'my-keycloak', clientId: 'c', scope: ['openid', 'email'], emailTrusted: false }
  ])
  const acme = { OIDC_PROVIDERS: 'acme', OIDC_ACME_CLIENT_ID: 'a', OIDC_ACME_CLIENT_SECRET: 'b' }
  t.same(mistakes({ ...acme, OIDC_ACME_ISSUER: 'https://acme.example', OIDC_ACME_EVENTS: 'yes' }), [
    'OIDC_ACME_EVENTS must be true or false'
  ])
  t.match(mistakes({ OIDC_PROVIDERS: 'github' })[0], 'built-in')
  t.match(mistakes({ OIDC_PROVIDERS: 'Ac me' })[0], 'OIDC_PROVIDERS')
})

t.test('any number of OAuth 2.0 providers by settings', async (t) => {
  const forum = {
    OAUTH_PROVIDERS: 'forum',
    OAUTH_FORUM_AUTHORIZATION_URL: 'https://forum.example/authorize',
    OAUTH_FORUM_TOKEN_URL: 'https://forum.example/token',
    OAUTH_FORUM_PROFILE_URL: 'https://forum.example/me',
    OAUTH_FORUM_CLIENT_ID: 'a',
    OAUTH_FORUM_CLIENT_SECRET: 'b'
  }
  t.match(readSettings({ ...forum, OAUTH_FORUM_SUBJECT: ' /data/0/id ', OAUTH_FORUM_SCOPE: 'read, email' }).providers, [
    {
      id: 'forum',
      kind: 'oauth',
      scope: ['read', 'email'],
      emailTrusted: false,
      own: { PROFILE_URL: 'https://forum.example/me', SUBJECT: '/data/0/id', EMAIL: undefined }
    }
  ])
  t.same(
    mistakes({
      OIDC_PROVIDERS: 'acme',
      OIDC_ACME_ISSUER: 'https://acme.example',
      OIDC_ACME_CLIENT_ID: 'a',
      OIDC_ACME_CLIENT_SECRET: 'b',
      OAUTH_PROVIDERS: 'Fo rum, zoom, acme, one, one',
      OAUTH_ZOOM_AUTHORIZATION_URL: 'ftp://zoom.example',
      OAUTH_ZOOM_AUTHENTICATION: 'Basic',
      OAUTH_ZOOM_EMAIL_TRUSTED: 'yes',
      OAUTH_ZOOM_SUBJECT: 'id',
      OAUTH_ZOOM_EMAIL: '$.email',
      OAUTH_ZOOM_PICTURE: '/a~2',
      OAUTH_ZOOM_PROFILE_URL: 'zoom.example/me',
      OAUTH_ZOOM_REVOCATION_URL: 'javascript:alert(1)'
    }).filter((mistake) => !/ is missing$/.test(mistake)),
    [
      'OAUTH_PROVIDERS: "Fo rum" must be lower-case letters, digits and hyphens, and start with a letter',
      'OAUTH_PROVIDERS: "zoom" is the id of a built-in provider',
      'OAUTH_PROVIDERS: "acme" is in OIDC_PROVIDERS too',
      'OAUTH_PROVIDERS: "one" is there twice',
      'OAUTH_ZOOM_PROFILE_URL must be an https URL (http is for loopback hosts, and outside production)',
      'OAUTH_ZOOM_SUBJECT must be a JSON pointer, such as /id',
      'OAUTH_ZOOM_EMAIL must be a JSON pointer, such as /email',
      'OAUTH_ZOOM_PICTURE must be a JSON pointer, such as /picture',
      'OAUTH_ZOOM_AUTHENTICATION must be client_secret_basic, client_secret_post, private_key_jwt or none',
      'OAUTH_ZOOM_AUTHORIZATION_URL must be an https URL (http is for loopback hosts, and outside production)',
      'OAUTH_ZOOM_REVOCATION_URL must be an https URL (http is for loopback hosts, and outside production)',
      'OAUTH_ZOOM_EMAIL_TRUSTED must be true or false'
    ]
  )
  t.same(
    mistakes({ OAUTH_PROVIDERS: 'forum' }),
    ['AUTHORIZATION_URL', 'TOKEN_URL', 'PROFILE_URL', 'CLIENT_ID', 'CLIENT_SECRET'].map(
      (name) => `OAUTH_FORUM_${name} is missing`
    )
  )
  t.match(
    mistakes({
      ...PRODUCTION,
      ...forum,
      OAUTH_FORUM_CLIENT_SECRET: 'changeme',
      OAUTH_FORUM_PROFILE_URL: 'http://forum.example/me'
    }),
    [/^OAUTH_FORUM_PROFILE_URL/, /^OAUTH_FORUM_CLIENT_SECRET/]
  )
})

t.test('how a client of the settings proves itself', async (t) => {
  const issuer = { OIDC_PROVIDERS: 'acme', OIDC_ACME_ISSUER: 'https://acme.example', OIDC_ACME_CLIENT_ID: 'a' }
  const set = (more: Record<string, string>) =>
    Object.fromEntries(Object.entries(more).map(([name, value]) => [`OIDC_ACME_${name}`, value]))
  const read = (more: Record<string, string>) => readSettings({ ...issuer, ...set(more) }).providers[0]
  const wrong = (more: Record<string, string>) => mistakes({ ...issuer, ...set(more) })
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const jwk = JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'k' })

  t.equal(read({ CLIENT_SECRET: 's' })?.authentication, undefined)
  t.equal(read({ CLIENT_SECRET: 's', AUTHENTICATION: 'client_secret_basic' })?.authentication, 'header')
  t.equal(read({ CLIENT_SECRET: 's', AUTHENTICATION: 'client_secret_post' })?.authentication, 'body')
  t.equal(read({ AUTHENTICATION: 'none' })?.authentication, 'none')
  t.match(read({ PRIVATE_KEY: pem.trim().replaceAll('\n', '\\n') }), {
    authentication: 'assertion', assertionKey: { kid: undefined, algorithms: ['ES256'] }
  })
  t.match(read({ PRIVATE_KEY: jwk, AUTHENTICATION: 'private_key_jwt' }), { assertionKey: { kid: 'k' } })

  t.same(wrong({}), ['OIDC_ACME_CLIENT_SECRET is missing'])
  t.same(wrong({ AUTHENTICATION: 'private_key_jwt' }), ['OIDC_ACME_PRIVATE_KEY is missing'])
  t.match(wrong({ AUTHENTICATION: 'Basic', CLIENT_SECRET: 's' }), [/^OIDC_ACME_AUTHENTICATION must be client_secret_/])
  t.match(wrong({ AUTHENTICATION: 'constructor', CLIENT_SECRET: 's' }), [/^OIDC_ACME_AUTHENTICATION must be/])
  t.match(wrong({ AUTHENTICATION: 'client_secret_post', CLIENT_SECRET: 's', PRIVATE_KEY: pem }), [
    /^OIDC_ACME_PRIVATE_KEY is for OIDC_ACME_AUTHENTICATION=private_key_jwt only/
  ])
  t.match(wrong({ PRIVATE_KEY: pem, CLIENT_SECRET: 's' }), [
    /^OIDC_ACME_CLIENT_SECRET is not used with .*private_key_jwt/
  ])
  t.match(wrong({ AUTHENTICATION: 'none', CLIENT_SECRET: 's' }), [/^OIDC_ACME_CLIENT_SECRET is not used with .*=none/])
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  for (const PRIVATE_KEY of ['canary', '{}', '{"kty":"oct","k":"Y2FuYXJ5"}', small.toString(), publicPem]) {
    const [mistake = '', ...others] = wrong({ PRIVATE_KEY })
    t.same(others, [])
    t.match(mistake, /^OIDC_ACME_PRIVATE_KEY must be a private key for RS256/)
    t.notMatch(mistake, /canary|Y2FuYXJ5|MI[GHI]/)
  }
})

t.test('http on a private network, for what no browser opens', async (t) => {
  const acme = {
    ...PRODUCTION,
    OIDC_PROVIDERS: 'acme',
    OIDC_ACME_ISSUER: 'https://id.acme.example',
    OIDC_ACME_CLIENT_ID: 'a',
    OIDC_ACME_CLIENT_SECRET: 'a long and random secret',
    OIDC_ACME_ALLOW_HTTP: 'true'
  }
  const inside = 'http://keycloak:8080/x'
  for (const name of ['ISSUER', 'TOKEN_URL', 'JWKS_URL', 'USERINFO_URL', 'REVOCATION_URL']) {
    t.same(mistakes({ ...acme, [`OIDC_ACME_${name}`]: inside }), [], name)
    t.match(mistakes({ ...acme, OIDC_ACME_ALLOW_HTTP: 'false', [`OIDC_ACME_${name}`]: inside }), [
      `OIDC_ACME_${name} must be an https URL (http is for loopback hosts; OIDC_ACME_ALLOW_HTTP=true allows it on a ` +
        'private network)'
    ])
  }
  t.match(mistakes({ ...acme, OIDC_ACME_AUTHORIZATION_URL: inside }), [/^OIDC_ACME_AUTHORIZATION_URL must be an https/])
  t.match(mistakes({ ...acme, OIDC_ACME_TOKEN_URL: 'http://169.254.169.254/x' }), [/^OIDC_ACME_TOKEN_URL must be/])
  t.match(mistakes({ ...acme, OIDC_ACME_NATIVE_NONCE: 'no' }), ['OIDC_ACME_NATIVE_NONCE must be required or optional'])
  t.match(mistakes({ ...acme, OIDC_ACME_ALLOW_HTTP: 'yes' }), [/^OIDC_ACME_ALLOW_HTTP must be true or false/])
  for (const separator of ['a', '1', '----', '€']) {
    t.match(mistakes({ ...acme, OIDC_ACME_SCOPE_SEPARATOR: separator }), [/^OIDC_ACME_SCOPE_SEPARATOR must be/])
  }
  t.equal(readSettings({ ...acme, OIDC_ACME_SCOPE_SEPARATOR: ',' }).providers[0]?.scopeSeparator, ',')
})

t.test('Apple has a key in place of a client secret', async (t) => {
  const pem = (curve: string) =>
    generateKeyPairSync('ec', { namedCurve: curve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const key = pem('P-256')
  const whole = {
    APPLE_CLIENT_ID: 'com.example.web',
    APPLE_TEAM_ID: 'A1B2C3D4E5',
    APPLE_KEY_ID: 'F6G7H8J9K0',
    APPLE_PRIVATE_KEY: key
  }

  await t.test('of which no part may be missing', async (t) => {
    t.match(readSettings({ ...PRODUCTION, ...whole }).providers, [
      { id: 'apple', clientId: 'com.example.web', clientSecret: '', own: { TEAM_ID: 'A1B2C3D4E5' } }
    ])
    for (const name of Object.keys(whole)) t.same(mistakes({ ...whole, [name]: '' }), [`${name} is missing`])
    t.same(mistakes({ APPLE_CLIENT_ID: 'x' }), ['APPLE_CLIENT_SECRET is missing'])
    t.same(mistakes({ APPLE_TEAM_ID: 'x' }), [
      'APPLE_CLIENT_ID is missing',
      'APPLE_KEY_ID is missing',
      'APPLE_PRIVATE_KEY is missing'
    ])
    t.same(mistakes({ APPLE_CLIENT_SECRET: 'a.ready.jwt' }), ['APPLE_CLIENT_ID is missing'])
    t.match(readSettings({ APPLE_CLIENT_ID: 'x', APPLE_CLIENT_SECRET: 'a.ready.jwt' }).providers, [
      { clientSecret: 'a.ready.jwt' }
    ])
  })

  await t.test('that may come from a file, or in one line', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'signet-settings-'))
    t.teardown(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'apple.p8'), key)
    const { APPLE_PRIVATE_KEY: _key, ...rest } = whole
    t.equal(
      readSettings({ ...rest, APPLE_PRIVATE_KEY_FILE: join(folder, 'apple.p8') }).providers[0]?.own['PRIVATE_KEY'],
      key.trim()
    )
    t.match(mistakes({ ...rest, APPLE_PRIVATE_KEY_FILE: join(folder, 'none.p8') }), [
      /^APPLE_PRIVATE_KEY_FILE cannot be read/,
      'APPLE_PRIVATE_KEY is missing'
    ])
    t.same(mistakes({ ...whole, APPLE_PRIVATE_KEY: key.trim().replaceAll('\n', '\\n') }), [])
  })

  await t.test('and must be one, of the right kind; a wrong one is not told', async (t) => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString()
    const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString()
    for (const wrong of [
      'canary',
      '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----',
      key.slice(0, 80),
      pem('P-384'),
      rsa,
      publicKey
    ]) {
      const [mistake = '', ...others] = mistakes({ ...whole, APPLE_PRIVATE_KEY: wrong })
      t.same(others, [])
      t.match(mistake, /^APPLE_PRIVATE_KEY must be the P-256 key/)
      t.notMatch(mistake, /canary|MI[GH]/)
    }
  })
})

t.test('what Microsoft and Google have of their own', async (t) => {
  const microsoft = { MICROSOFT_CLIENT_ID: 'x', MICROSOFT_CLIENT_SECRET: 'y' }
  const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47'
  for (const audience of ['common', 'organizations', 'consumers', tenant]) {
    t.same(
      mistakes({ ...microsoft, MICROSOFT_ISSUER: `https://login.microsoftonline.com/${audience}/v2.0` }),
      [],
      audience
    )
  }
  for (const rest of [
    'common',
    'common/v2.0/',
    'common/',
    '',
    'contoso.onmicrosoft.com/v2.0',
    `${tenant.toUpperCase()}/v2.0`,
    '{tenantid}/v2.0'
  ]) {
    t.match(
      mistakes({ ...microsoft, MICROSOFT_ISSUER: `https://login.microsoftonline.com/${rest}` }),
      [/^MICROSOFT_ISSUER must end in \/common\/v2\.0, /],
      rest
    )
  }
  t.same(mistakes(microsoft), [])
  const google = { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y' }
  t.same(mistakes({ ...google, GOOGLE_ACCESS_TYPE: 'Offline' }), ['GOOGLE_ACCESS_TYPE must be online or offline'])
  t.same(mistakes({ ...google, GOOGLE_HOSTED_DOMAIN: 'a.example, B.example' }), [])
  for (const wrong of ['localhost', '@a.example', '*', 'https://a.example', 'a example.com', 'a.example;b.example']) {
    t.same(mistakes({ ...google, GOOGLE_HOSTED_DOMAIN: `c.example,${wrong}` }), [
      `GOOGLE_HOSTED_DOMAIN: "${wrong}" must be a domain, such as example.com`
    ])
  }
  t.same(mistakes({ ...google, GOOGLE_HOSTED_DOMAIN: ',' }), [
    'GOOGLE_HOSTED_DOMAIN has no entry; each must be a domain, such as example.com'
  ])
})

t.test('organizations and groups are names', async (t) => {
  const github = { GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: 'y' }
  const gitlab = { GITLAB_CLIENT_ID: 'x', GITLAB_CLIENT_SECRET: 'y' }
  t.same(mistakes({ ...github, GITHUB_ORGANIZATIONS: 'acme, Acme-Labs' }), [])
  t.same(mistakes({ ...gitlab, GITLAB_GROUPS: 'acme, acme/team.one' }), [])
  t.same(mistakes({ ...github, ...gitlab, GITHUB_ORGANIZATIONS: 'acme/team', GITLAB_GROUPS: '/acme, https://x' }), [
    'GITHUB_ORGANIZATIONS: "acme/team" must be the name of an organization',
    'GITLAB_GROUPS: "/acme" must be the path of a group, such as acme/team',
    'GITLAB_GROUPS: "https://x" must be the path of a group, such as acme/team'
  ])
})

t.test('.env.example documents every setting with its default', async (t) => {
  const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
  const shown = Object.fromEntries(
    [...example.matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])
  )
  for (const name of [
    'HOST',
    'PORT',
    'ISSUER_URL',
    'DATABASE_URL',
    'DATABASE_POOL_SIZE',
    'REDIS_URL',
    'ENCRYPTION_KEYS',
    'SIGNING_ALG',
    'SIGNING_KEY_ROTATION',
    'TOKEN_AUDIENCE',
    'RESOURCES',
    'ACCESS_TOKEN_TYPE',
    'TOKEN_CLAIMS',
    'ID_TOKEN_CLAIMS',
    'ACCESS_TOKEN_TTL',
    'REFRESH_TOKEN_TTL',
    'SESSION_TTL',
    'REFRESH_REUSE_GRACE',
    'ALLOWED_ORIGINS',
    'CLIENTS',
    'AUTO_LINK',
    'PROVIDER_DELETIONS',
    'GITHUB_WEBHOOK_SECRET',
    'OIDC_ACME_EVENTS',
    'ADMIN_EMAILS',
    'SIGN_UPS',
    'ALLOWED_EMAIL_DOMAINS',
    'MAX_SESSIONS_PER_USER',
    'RATE_LIMITS',
    'TRUST_PROXY',
    'LOG_LEVEL',
    'GITHUB_CLIENT_ID',
    'GITHUB_CLIENT_SECRET',
    'GOOGLE_CLIENT_ID',
    'GOOGLE_HOSTED_DOMAIN',
    'GOOGLE_ACCESS_TYPE',
    'MICROSOFT_CLIENT_ID',
    'MICROSOFT_CLIENT_SECRET',
    'MICROSOFT_ISSUER',
    'APPLE_CLIENT_ID',
    'APPLE_TEAM_ID',
    'APPLE_KEY_ID',
    'APPLE_PRIVATE_KEY',
    'OIDC_PROVIDERS',
    'OAUTH_PROVIDERS',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_HEADERS'
  ]) { t.ok(name in shown, name) }
  const described = JSON.stringify(settingsSchema(false)).matchAll(/"variable":"(\w+)"/g)
  for (const [, name = ''] of described) t.ok(name in shown, name)
  for (const { id } of BUILT_IN_PROVIDERS) t.equal(shown[`${id.toUpperCase()}_CLIENT_ID`], '', id)
  for (const name of Object.keys(POINTERS)) {
    t.equal(shown[`OAUTH_FORUM_${name}`], POINTERS[name as keyof typeof POINTERS], name)
  }
  const { OIDC_PROVIDERS: _acme, OAUTH_PROVIDERS: _forum, ...defaults } = Object.fromEntries(
    Object.entries(shown).filter(([name]) => !/^(OIDC_ACME|OAUTH_FORUM|GITHUB|GOOGLE)_/.test(name))
  )
  t.same(readSettings(defaults), readSettings({}), 'what it shows is what holds without it')
})
