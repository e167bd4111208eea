import { isMetadataHost } from '../http/metadata-services.ts'
import { isLoopback, parseUrl } from '../http/url.ts'
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

/** Reads the enabled providers. */
export function readProviders (environment: ProviderEnvironment): ProviderSettings[] {
  const builtIn = BUILT_IN_PROVIDERS.map((definition) => readBuiltIn(environment, definition))
  const byDiscovery = readIds(environment, 'OIDC_PROVIDERS', []).map(({ id, prefix }) => {
    requireSettings(environment, prefix, ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'])
    const own = readOwn(environment, prefix, ['EVENTS'])
    environment.check(['true', 'false', undefined].includes(own['EVENTS']), `${prefix}EVENTS must be true or false`)
    return { ...readProvider(environment, prefix, { id, kind: 'oidc' }), own }
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
    return [{ id, prefix: `${name.replace('PROVIDERS', '')}${id.toUpperCase().replaceAll('-', '_')}_` }]
  })
}

/** A plain OAuth 2.0 provider: its endpoints, and JSON Pointers into its profile. */
function readOAuth (environment: ProviderEnvironment, id: string, prefix: string): ProviderSettings {
  const { check } = environment
  const names = ['PROFILE_URL', 'REVOCATION_URL', 'AUTHENTICATION', ...Object.keys(POINTERS)]
  const own = readOwn(environment, prefix, names)
  const needed = ['AUTHORIZATION_URL', 'TOKEN_URL', 'PROFILE_URL', 'CLIENT_ID', 'CLIENT_SECRET']
  requireSettings(environment, prefix, needed)
  for (const name of ['PROFILE_URL', 'REVOCATION_URL']) checkProviderUrl(environment, prefix + name, own[name])
  check(['body', 'header', undefined].includes(own['AUTHENTICATION']), `${prefix}AUTHENTICATION must be body or header`)
  for (const [name, example] of Object.entries(POINTERS)) {
    check(isJsonPointer(own[name] ?? example), `${prefix}${name} must be a JSON pointer, such as ${example}`)
  }
  return { ...readProvider(environment, prefix, { id, kind: 'oauth' }), own }
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
  for (const name of ['AUTHORIZATION_URL', 'TOKEN_URL', 'API_URL', 'ISSUER', 'JWKS_URL']) {
    checkProviderUrl(environment, prefix + name, setting(name))
  }
  check(['true', 'false', undefined].includes(setting('EMAIL_TRUSTED')), `${prefix}EMAIL_TRUSTED must be true or false`)

  return {
    id,
    kind,
    // Prefixed, so that an id such as `log` does not collide with what an app has.
    pluginName: kind === 'built-in' ? id : `provider-${id}`,
    callbackUrl: `${issuerUrl}/login/${id}/callback`,
    clientId,
    clientSecret,
    nativeClientIds: list(setting('NATIVE_CLIENT_IDS')),
    name: setting('NAME'),
    scope: setting('SCOPE')?.split(/[\s,]+/).filter(Boolean),
    authorizationUrl: setting('AUTHORIZATION_URL'),
    tokenUrl: setting('TOKEN_URL'),
    apiUrl: setting('API_URL')?.replace(/\/+$/, ''),
    issuer: setting('ISSUER'),
    jwksUrl: setting('JWKS_URL'),
    emailTrusted: setting('EMAIL_TRUSTED') === 'true',
    own: {}
  }
}

function checkProviderUrl ({ env, check }: ProviderEnvironment, name: string, text: string | undefined): void {
  const exception = `http is for loopback hosts${isProduction(env) ? '' : ', and outside production'}`
  check(isProviderUrl(text, isProduction(env)), `${name} must be an https URL (${exception})`)
}

function isProviderUrl (text: string | undefined, production: boolean): boolean {
  if (text === undefined) return true
  const url = parseUrl(text)
  // URL takes characters in a host that @fastify/oauth2 refuses.
  if (!url || url.hash !== '' || !/^([\w.-]+|\[[\da-f:]+\])$/.test(url.hostname)) return false
  if (isMetadataHost(url.hostname)) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && (!production || isLoopback(url)))
}

function isProduction (env: Environment): boolean {
  return env['NODE_ENV'] === 'production'
}

/** Comma-separated; empty entries do not count. */
export function list (text: string | undefined): string[] {
  return (text ?? '').split(',').map((entry) => entry.trim()).filter(Boolean)
}
