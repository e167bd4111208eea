import { isMetadataHost } from '../http/metadata-services.ts'
import { isLoopback, parseUrl } from '../http/url.ts'
import { PRIVATE_KEY_RULE, readAssertionKey } from './client-assertion.ts'
import { AUTHENTICATION_METHODS } from './client-authentication.ts'
import { list } from './comma-separated.ts'
import { isJsonPointer } from './json-pointer.ts'
import { POINTERS } from './oauth-by-settings.ts'
import type { ProviderDefinition, ProviderSettings } from './provider.ts'
import { BUILT_IN_PROVIDERS } from './registry.ts'

type Environment = Record<string, string | undefined>

/** Where the settings of providers come from; every mistake goes to `check`, as a sentence without a secret. */
export interface ProviderEnvironment {
  env: Environment
  issuerUrl: string
  check: (rule: boolean, mistake: string) => void
}

/** Client secrets that were never filled in. */
export const PLACEHOLDER =
  /^(change[-_ ]?me.*|example.*|placeholder|secret|password|your[-_ ].*|my[-_ ].*|x{3,}|\*+|todo|<.*>)$/i

/** What every provider may set, after its prefix. */
const COMMON_NAMES = [
  'CLIENT_ID', 'CLIENT_SECRET', 'NAME', 'SCOPE', 'SCOPE_SEPARATOR', 'NATIVE_CLIENT_IDS', 'NATIVE_NONCE', 'ISSUER',
  'AUTHORIZATION_URL', 'TOKEN_URL', 'API_URL', 'JWKS_URL', 'USERINFO_URL', 'REVOCATION_URL', 'ALLOW_HTTP',
  'EMAIL_TRUSTED'
]
const PROOF_NAMES = ['AUTHENTICATION', 'PRIVATE_KEY']

/** The settings that enable providers which are not built in, with what those may set beside COMMON_NAMES. */
export const PROVIDER_LISTS = [
  { name: 'OIDC_PROVIDERS', names: [...PROOF_NAMES, 'EVENTS'] },
  { name: 'OAUTH_PROVIDERS', names: [...PROOF_NAMES, 'PROFILE_URL', ...Object.keys(POINTERS)] }
].map(({ name, names }) => ({
  name,
  names,
  /** Those of the providers that it lists. */
  prefixes: (env: Environment) => list(env[name]).map((id) => prefixOf(name, id))
}))

/** The names of all settings that a provider may have, of the built-in ones and of those in PROVIDER_LISTS. */
export function providerSettingNames (env: Environment): string[] {
  const builtIn = BUILT_IN_PROVIDERS.flatMap(({ id, settings = {} }) =>
    [...COMMON_NAMES, ...Object.keys(settings)].map((name) => `${id.toUpperCase()}_${name}`))
  const bySettings = PROVIDER_LISTS.flatMap(({ names, prefixes }) =>
    prefixes(env).flatMap((prefix) => [...COMMON_NAMES, ...names].map((name) => prefix + name)))
  return [...builtIn, ...bySettings, ...PROVIDER_LISTS.map(({ name }) => name)]
}

function prefixOf (listName: string, id: string): string {
  return `${listName.replace('PROVIDERS', '')}${id.toUpperCase().replaceAll('-', '_')}_`
}

/** Reads the enabled providers. */
export function readProviders (environment: ProviderEnvironment): ProviderSettings[] {
  const builtIn = BUILT_IN_PROVIDERS.map((definition) => readBuiltIn(environment, definition))
  const byDiscovery = readIds(environment, 'OIDC_PROVIDERS', []).map(({ id, prefix }) => {
    requireSettings(environment, prefix, ['ISSUER', 'CLIENT_ID'])
    const own = readOwn(environment, prefix, ['EVENTS'])
    environment.check(['true', 'false', undefined].includes(own['EVENTS']), `${prefix}EVENTS must be true or false`)
    return { ...readProvider(environment, prefix, { id, kind: 'oidc' }), ...readProof(environment, prefix), own }
  })
  const bySettings = readIds(environment, 'OAUTH_PROVIDERS', byDiscovery.map(({ id }) => id))
    .map(({ id, prefix }) => readOAuth(environment, id, prefix))
  return [...builtIn, ...byDiscovery, ...bySettings].filter((provider) => provider !== undefined)
}

/** The ids that a setting lists, each with the prefix of its own settings. `taken` are those of the other list. */
function readIds (
  { env, check }: ProviderEnvironment, name: 'OIDC_PROVIDERS' | 'OAUTH_PROVIDERS', taken: string[]
): { id: string, prefix: string }[] {
  const ids = list(env[name])
  return ids.flatMap((id, index) => {
    const isId = /^[a-z][a-z0-9-]{0,31}$/.test(id)
    check(isId, `${name}: "${id}" must be lower-case letters, digits and hyphens, and start with a letter`)
    if (!isId) return []
    check(ids.indexOf(id) === index, `${name}: "${id}" is there twice`)
    check(!BUILT_IN_PROVIDERS.some((builtIn) => builtIn.id === id), `${name}: "${id}" is the id of a built-in provider`)
    check(!taken.includes(id), `${name}: "${id}" is in OIDC_PROVIDERS too`)
    return [{ id, prefix: prefixOf(name, id) }]
  })
}

/** A plain OAuth 2.0 provider: its endpoints, and JSON Pointers into its profile. */
function readOAuth (environment: ProviderEnvironment, id: string, prefix: string): ProviderSettings {
  const { check } = environment
  const names = ['PROFILE_URL', ...Object.keys(POINTERS)]
  const own = readOwn(environment, prefix, names)
  const needed = ['AUTHORIZATION_URL', 'TOKEN_URL', 'PROFILE_URL', 'CLIENT_ID']
  requireSettings(environment, prefix, needed)
  checkProviderUrl(environment, prefix, 'PROFILE_URL', own['PROFILE_URL'])
  for (const [name, example] of Object.entries(POINTERS)) {
    check(isJsonPointer(own[name] ?? example), `${prefix}${name} must be a JSON pointer, such as ${example}`)
  }
  const proof = readProof(environment, prefix)
  return { ...readProvider(environment, prefix, { id, kind: 'oauth' }), ...proof, own }
}

/** How a client of the settings proves itself: by a secret, by a key in its place, or not at all. */
function readProof (
  environment: ProviderEnvironment, prefix: string
): Pick<ProviderSettings, 'authentication' | 'assertionKey'> {
  const { check } = environment
  const { AUTHENTICATION: method, PRIVATE_KEY: text, CLIENT_SECRET: secret } =
    readOwn(environment, prefix, ['AUTHENTICATION', 'PRIVATE_KEY', 'CLIENT_SECRET'])
  check(method === undefined || Object.hasOwn(AUTHENTICATION_METHODS, method),
    `${prefix}AUTHENTICATION must be client_secret_basic, client_secret_post, private_key_jwt or none`)
  const authentication = AUTHENTICATION_METHODS[method ?? (text === undefined ? '' : 'private_key_jwt')]
  const assertionKey = text === undefined ? undefined : readAssertionKey(text)
  if (authentication === 'assertion') {
    requireSettings(environment, prefix, ['PRIVATE_KEY'])
    check(text === undefined || assertionKey !== undefined, `${prefix}PRIVATE_KEY ${PRIVATE_KEY_RULE}`)
  } else {
    check(text === undefined, `${prefix}PRIVATE_KEY is for ${prefix}AUTHENTICATION=private_key_jwt only`)
  }
  const isSecret = authentication !== 'assertion' && authentication !== 'none'
  if (isSecret) requireSettings(environment, prefix, ['CLIENT_SECRET'])
  check(isSecret || secret === undefined, `${prefix}CLIENT_SECRET is not used with ` +
    `${prefix}AUTHENTICATION=${authentication === 'none' ? 'none' : 'private_key_jwt'}: remove one of them`)
  return { authentication, assertionKey }
}

/** A built-in provider is enabled by its credentials. Undefined when it has none. */
function readBuiltIn (environment: ProviderEnvironment, definition: ProviderDefinition): ProviderSettings | undefined {
  const { id, settings = {}, insteadOfSecret = [], mistakes } = definition
  const prefix = `${id.toUpperCase()}_`
  const isSet = (name: string) => environment.env[prefix + name] !== undefined
  if (!['CLIENT_ID', 'CLIENT_SECRET', ...insteadOfSecret].some(isSet)) return undefined
  const hasSubstitute = insteadOfSecret.some(isSet) && !isSet('CLIENT_SECRET')
  requireSettings(environment, prefix, ['CLIENT_ID', ...hasSubstitute ? insteadOfSecret : ['CLIENT_SECRET']])
  const own = readOwn(environment, prefix, Object.keys(settings))
  const provider = { ...readProvider(environment, prefix, { id, kind: 'built-in' }), own }
  for (const mistake of mistakes?.(provider) ?? []) environment.check(false, prefix + mistake)
  return provider
}

function requireSettings ({ env, check }: ProviderEnvironment, prefix: string, names: string[]): void {
  for (const name of names) check(env[prefix + name] !== undefined, `${prefix}${name} is missing`)
}

function readOwn ({ env }: ProviderEnvironment, prefix: string, names: string[]): ProviderSettings['own'] {
  return Object.fromEntries(names.map((name) => [name, env[prefix + name]?.trim()]))
}

function readProvider (
  environment: ProviderEnvironment, prefix: string, { id, kind }: Pick<ProviderSettings, 'id' | 'kind'>
): ProviderSettings {
  const { env, issuerUrl, check } = environment
  const setting = (name: string) => env[prefix + name]?.trim()
  const clientId = setting('CLIENT_ID') ?? ''
  const clientSecret = setting('CLIENT_SECRET') ?? ''
  check(!isProduction(env) || !PLACEHOLDER.test(clientSecret), `${prefix}CLIENT_SECRET is still a placeholder`)
  for (const [name, value] of [['CLIENT_ID', clientId], ['CLIENT_SECRET', clientSecret]] as const) {
    // RFC 6749 appendix A.1. @fastify/oauth2 refuses others, with a message that quotes them.
    check(/^[\x20-\x7e]*$/.test(value), `${prefix}${name} must be printable ASCII`)
  }
  for (const name of ['AUTHORIZATION_URL', 'ISSUER', ...BACK_CHANNEL]) {
    checkProviderUrl(environment, prefix, name, setting(name))
  }
  for (const name of ['EMAIL_TRUSTED', 'ALLOW_HTTP']) {
    check(['true', 'false', undefined].includes(setting(name)), `${prefix}${name} must be true or false`)
  }
  check(['required', 'optional', undefined].includes(setting('NATIVE_NONCE')),
    `${prefix}NATIVE_NONCE must be required or optional`)
  check(/^[!-/:-@[-`{-~]{1,3}$/.test(setting('SCOPE_SEPARATOR') ?? ','),
    `${prefix}SCOPE_SEPARATOR must be one to three punctuation characters, such as a comma`)

  return {
    id,
    kind,
    // Prefixed, so that an id such as `log` does not collide with what an app has.
    pluginName: kind === 'built-in' ? id : `provider-${id}`,
    callbackUrl: `${issuerUrl}/login/${id}/callback`,
    clientId,
    clientSecret,
    nativeClientIds: list(setting('NATIVE_CLIENT_IDS')),
    nativeNonceOptional: setting('NATIVE_NONCE') === 'optional',
    name: setting('NAME'),
    scope: setting('SCOPE')?.split(/[\s,]+/).filter(Boolean),
    authorizationUrl: setting('AUTHORIZATION_URL'),
    tokenUrl: setting('TOKEN_URL'),
    apiUrl: setting('API_URL')?.replace(/\/+$/, ''),
    issuer: setting('ISSUER'),
    jwksUrl: setting('JWKS_URL'),
    userinfoUrl: setting('USERINFO_URL'),
    revocationUrl: setting('REVOCATION_URL'),
    scopeSeparator: setting('SCOPE_SEPARATOR'),
    allowHttp: setting('ALLOW_HTTP') === 'true',
    emailTrusted: setting('EMAIL_TRUSTED') === 'true',
    own: {}
  }
}

/** The URLs that no browser opens: `_ALLOW_HTTP=true` lets them be http. */
const BACK_CHANNEL = ['TOKEN_URL', 'API_URL', 'JWKS_URL', 'USERINFO_URL', 'REVOCATION_URL']

function checkProviderUrl (
  { env, check }: ProviderEnvironment, prefix: string, name: string, text: string | undefined
): void {
  const isBackChannel = [...BACK_CHANNEL, 'PROFILE_URL', 'ISSUER'].includes(name)
  const isHttpAllowed = !isProduction(env) || (isBackChannel && env[`${prefix}ALLOW_HTTP`]?.trim() === 'true')
  const place = isProduction(env) ? '' : ', and outside production'
  const wish = isProduction(env) && isBackChannel ? `; ${prefix}ALLOW_HTTP=true allows it on a private network` : ''
  const rule = `must be an https URL (http is for loopback hosts${place}${wish})`
  check(isProviderUrl(text, isHttpAllowed), `${prefix}${name} ${rule}`)
}

function isProviderUrl (text: string | undefined, isHttpAllowed: boolean): boolean {
  if (text === undefined) return true
  const url = parseUrl(text)
  // URL takes characters in a host that @fastify/oauth2 refuses.
  if (!url || url.hash !== '' || !/^([\w.-]+|\[[\da-f:]+\])$/.test(url.hostname)) return false
  if (isMetadataHost(url.hostname)) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && (isHttpAllowed || isLoopback(url)))
}

function isProduction (env: Environment): boolean {
  return env['NODE_ENV'] === 'production'
}
