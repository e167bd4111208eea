import { BUILT_IN_PROVIDERS } from './registry.ts'
import type { ProviderDefinition } from './provider.ts'
import { isLoopback, parseUrl } from '../url.ts'

/** What one provider was told by the environment; what is absent follows the provider's own default. */
export interface ProviderSettings {
  id: string
  kind: 'built-in' | 'oidc'
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
  const ids = list(env['OIDC_PROVIDERS'])
  const byDiscovery = ids.map((id, index) => {
    const isId = /^[a-z][a-z0-9-]{0,31}$/.test(id)
    check(isId, `OIDC_PROVIDERS: "${id}" must be lower-case letters, digits and hyphens, and start with a letter`)
    if (!isId) return undefined
    check(ids.indexOf(id) === index, `OIDC_PROVIDERS: "${id}" is there twice`)
    check(!BUILT_IN_PROVIDERS.some((one) => one.id === id), `OIDC_PROVIDERS: "${id}" is the id of a built-in provider`)
    const prefix = `OIDC_${id.toUpperCase().replaceAll('-', '_')}_`
    demand(env, prefix, ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'], check)
    return readProvider(env, prefix, { id, kind: 'oidc' }, check)
  })
  return [...builtIn, ...byDiscovery].filter((provider) => provider !== undefined)
}

/** A built-in provider is enabled by its credentials; `undefined` when it has none of them. */
function readBuiltIn (env: Environment, { id, settings = {}, insteadOfSecret = [] }: ProviderDefinition, check: Check): ProviderSettings | undefined {
  const prefix = `${id.toUpperCase()}_`
  const isSet = (name: string) => env[prefix + name] !== undefined
  if (!['CLIENT_ID', 'CLIENT_SECRET', ...insteadOfSecret].some(isSet)) return undefined
  demand(env, prefix, insteadOfSecret.some(isSet) && !isSet('CLIENT_SECRET') ? ['CLIENT_ID', ...insteadOfSecret] : ['CLIENT_ID', 'CLIENT_SECRET'], check)
  const own = Object.fromEntries(Object.keys(settings).map((name) => [name, env[prefix + name]?.trim()]))
  return { ...readProvider(env, prefix, { id, kind: 'built-in' }, check), own }
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
    check(isProviderUrl(setting(name), production), `${prefix}${name} must be an https URL (http is for loopback hosts${production ? '' : ', and outside production'})`)
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
