import { isJsonPointer } from './json-pointer.ts'
import { POINTERS } from './oauth-by-settings.ts'
import { BUILT_IN_PROVIDERS } from './registry.ts'
import type { ProviderDefinition } from './provider.ts'
import { isLoopback, parseUrl } from '../http/url.ts'

/** What one provider was told by the environment; what is absent follows the provider's own default. */
export interface ProviderSettings {
  id: string
  kind: 'built-in' | 'oidc' | 'oauth'
  clientId: string
  clientSecret: string
  /** Further audiences of ID tokens that apps bring (native sign-in). */
  nativeClientIds: string[]
  name: string | undefined
  scope: string[] | undefined
  authorizationUrl: string | undefined
  tokenUrl: string | undefined
  apiUrl: string | undefined
  issuer: string | undefined
  jwksUrl: string | undefined
  emailTrusted: boolean
  /** Those that only this provider has, by their names after the prefix. */
  own: Record<string, string | undefined>
}

type Environment = Record<string, string | undefined>
type Check = (rule: boolean, mistake: string) => void

/** What a client secret looks like when nobody has put the real one in. */
export const PLACEHOLDER = /^(change[-_ ]?me.*|example.*|placeholder|secret|password|your[-_ ].*|my[-_ ].*|x{3,}|\*+|todo|<.*>)$/i

/** The enabled providers, as the environment has them; every mistake goes to `check`. */
export function readProviders (env: Environment, check: Check): ProviderSettings[] {
  const builtIn = BUILT_IN_PROVIDERS.map((definition) => readBuiltIn(env, definition, check))
  const byDiscovery = readIds(env, 'OIDC_PROVIDERS', [], check).map(({ id, prefix }) => {
    demand(env, prefix, ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'], check)
    return readProvider(env, prefix, { id, kind: 'oidc' }, check)
  })
  const bySettings = readIds(env, 'OAUTH_PROVIDERS', byDiscovery.map(({ id }) => id), check).map(({ id, prefix }) => readOAuth(env, id, prefix, check))
  return [...builtIn, ...byDiscovery, ...bySettings].filter((provider) => provider !== undefined)
}

/** The ids that a setting lists, each with the prefix of its own settings. `taken` are those of another list. */
function readIds (env: Environment, name: 'OIDC_PROVIDERS' | 'OAUTH_PROVIDERS', taken: string[], check: Check): { id: string, prefix: string }[] {
  const ids = list(env[name])
  return ids.flatMap((id, index) => {
    const isId = /^[a-z][a-z0-9-]{0,31}$/.test(id)
    check(isId, `${name}: "${id}" must be lower-case letters, digits and hyphens, and start with a letter`)
    if (!isId) return []
    check(ids.indexOf(id) === index, `${name}: "${id}" is there twice`)
    check(!BUILT_IN_PROVIDERS.some((one) => one.id === id), `${name}: "${id}" is the id of a built-in provider`)
    check(!taken.includes(id), `${name}: "${id}" is in OIDC_PROVIDERS too`)
    return [{ id, prefix: `${name.replace('PROVIDERS', '')}${id.toUpperCase().replaceAll('-', '_')}_` }]
  })
}

/** A plain OAuth 2.0 provider: its endpoints, and where things stand in its profile. */
function readOAuth (env: Environment, id: string, prefix: string, check: Check): ProviderSettings {
  const production = env['NODE_ENV'] === 'production'
  const own = Object.fromEntries(['PROFILE_URL', 'REVOCATION_URL', 'AUTHENTICATION', ...Object.keys(POINTERS)].map((name) => [name, env[prefix + name]?.trim()]))
  demand(env, prefix, ['AUTHORIZATION_URL', 'TOKEN_URL', 'PROFILE_URL', 'CLIENT_ID', 'CLIENT_SECRET'], check)
  for (const name of ['PROFILE_URL', 'REVOCATION_URL']) checkProviderUrl(prefix + name, own[name], production, check)
  check(['body', 'header', undefined].includes(own['AUTHENTICATION']), `${prefix}AUTHENTICATION must be body or header`)
  for (const [name, example] of Object.entries(POINTERS)) {
    check(isJsonPointer(own[name] ?? example), `${prefix}${name} must be a JSON pointer, such as ${example}`)
  }
  return { ...readProvider(env, prefix, { id, kind: 'oauth' }, check), own }
}

/** A built-in provider is enabled by its credentials; `undefined` when it has none of them. */
function readBuiltIn (env: Environment, { id, settings = {}, insteadOfSecret = [], mistakes }: ProviderDefinition, check: Check): ProviderSettings | undefined {
  const prefix = `${id.toUpperCase()}_`
  const isSet = (name: string) => env[prefix + name] !== undefined
  if (!['CLIENT_ID', 'CLIENT_SECRET', ...insteadOfSecret].some(isSet)) return undefined
  demand(env, prefix, insteadOfSecret.some(isSet) && !isSet('CLIENT_SECRET') ? ['CLIENT_ID', ...insteadOfSecret] : ['CLIENT_ID', 'CLIENT_SECRET'], check)
  const own = Object.fromEntries(Object.keys(settings).map((name) => [name, env[prefix + name]?.trim()]))
  const provider: ProviderSettings = { ...readProvider(env, prefix, { id, kind: 'built-in' }, check), own }
  for (const mistake of mistakes?.(provider) ?? []) check(false, prefix + mistake)
  return provider
}

function demand (env: Environment, prefix: string, names: string[], check: Check): void {
  for (const name of names) check(env[prefix + name] !== undefined, `${prefix}${name} is missing`)
}

function readProvider (env: Environment, prefix: string, who: Pick<ProviderSettings, 'id' | 'kind'>, check: Check): ProviderSettings {
  const production = env['NODE_ENV'] === 'production'
  const setting = (name: string) => env[prefix + name]?.trim()
  const clientSecret = setting('CLIENT_SECRET') ?? ''
  check(!production || !PLACEHOLDER.test(clientSecret), `${prefix}CLIENT_SECRET is still a placeholder`)
  for (const name of ['AUTHORIZATION_URL', 'TOKEN_URL', 'API_URL', 'ISSUER', 'JWKS_URL']) {
    checkProviderUrl(prefix + name, setting(name), production, check)
  }
  check(['true', 'false', undefined].includes(setting('EMAIL_TRUSTED')), `${prefix}EMAIL_TRUSTED must be true or false`)

  return {
    ...who,
    clientId: setting('CLIENT_ID') ?? '',
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

function checkProviderUrl (name: string, text: string | undefined, production: boolean, check: Check): void {
  check(isProviderUrl(text, production), `${name} must be an https URL (http is for loopback hosts${production ? '' : ', and outside production'})`)
}

function isProviderUrl (text: string | undefined, production: boolean): boolean {
  if (text === undefined) return true
  const url = parseUrl(text)
  if (!url || url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && (!production || isLoopback(url)))
}

/** Comma-separated; empty entries do not count. */
export function list (text: string | undefined): string[] {
  return (text ?? '').split(',').map((entry) => entry.trim()).filter(Boolean)
}
