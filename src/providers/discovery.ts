import { BlockList, isIP } from 'node:net'
import { member } from './claims.ts'
import { providerError } from './failure.ts'
import { getJson } from './http.ts'
import { isMetadataHost } from '../http/metadata-services.ts'
import { isLoopback, parseUrl } from '../http/url.ts'

/** The part of an issuer's metadata that Signet uses (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). */
export interface IssuerMetadata {
  issuer: string
  authorizationEndpoint: string
  tokenEndpoint: string
  jwksUri: string
  userinfoEndpoint: string | undefined
  revocationEndpoint: string | undefined
  tokenEndpointAuthentication: 'body' | 'header'
  /** What client assertions may be signed with; undefined where the document does not say. */
  assertionAlgorithms: string[] | undefined
  /** Whether each authorization response has `iss` (RFC 9207), so that one without it is forged. */
  sendsIss: boolean
}

const FRESH_MS = 60 * 60 * 1000

/**
 * Reads an issuer's metadata when they are first needed, and again after an hour. An issuer that is down fails only the
 * login that needs it, and the next login asks again; metadata that were read before stay in use meanwhile.
 * `documentIssuer` is the `issuer` of the document, where the provider spells it differently.
 */
export function createDiscovery (
  provider: string, issuer: string, documentIssuer = issuer, rules: EndpointRules = {}
): () => Promise<IssuerMetadata> {
  let known: { metadata: IssuerMetadata, fetchedAt: number } | undefined
  let fetching: Promise<IssuerMetadata> | undefined

  async function refresh (): Promise<IssuerMetadata> {
    const metadata = await fetchMetadata(provider, issuer, documentIssuer, rules)
    known = { metadata, fetchedAt: Date.now() }
    return metadata
  }

  return async () => {
    if (known && Date.now() - known.fetchedAt < FRESH_MS) return known.metadata
    fetching ??= refresh().finally(() => { fetching = undefined })
    if (!known) return await fetching
    fetching.catch(() => {})
    return known.metadata
  }
}

async function fetchMetadata (
  provider: string, issuer: string, documentIssuer: string, { allowHttp = false, replaced = {} }: EndpointRules
): Promise<IssuerMetadata> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await getJson(url, { provider, step: 'discovery' })
  const fail = (reason: string) => providerError(provider, 'discovery', reason)
  // OpenID Connect Discovery 1.0 section 4.3.
  if (member(document, 'issuer') !== documentIssuer) throw fail('the document names another issuer')
  const methods = member(document, 'token_endpoint_auth_methods_supported')
  const takesPostOnly = Array.isArray(methods) && methods.includes('client_secret_post') &&
    !methods.includes('client_secret_basic')
  const algorithms = member(document, 'token_endpoint_auth_signing_alg_values_supported')
  return {
    issuer,
    authorizationEndpoint: replaced.authorizationEndpoint ?? endpoint('authorization_endpoint'),
    tokenEndpoint: replaced.tokenEndpoint ?? endpoint('token_endpoint'),
    jwksUri: replaced.jwksUri ?? endpoint('jwks_uri'),
    userinfoEndpoint: replaced.userinfoEndpoint ?? optional('userinfo_endpoint'),
    revocationEndpoint: replaced.revocationEndpoint ?? optional('revocation_endpoint'),
    tokenEndpointAuthentication: takesPostOnly ? 'body' : 'header',
    assertionAlgorithms: Array.isArray(algorithms) ? algorithms.map(String) : undefined,
    sendsIss: member(document, 'authorization_response_iss_parameter_supported') === true
  }

  /** Like its issuer; with `allowHttp` a browser is still sent to https only, or to this machine. */
  function schemesOf (name: string): string[] {
    const issuerUrl = new URL(issuer)
    if (!allowHttp || isLoopback(issuerUrl)) return ['https:', issuerUrl.protocol]
    return name === 'authorization_endpoint' ? ['https:'] : ['https:', 'http:']
  }

  /** Undefined also for a member that is null or empty. */
  function optional (name: string): string | undefined {
    const value = member(document, name) ?? ''
    return value === '' ? undefined : endpoint(name)
  }

  function endpoint (name: string): string {
    const value = member(document, name)
    if (typeof value === 'string' && isAllowedEndpoint(value, issuer, schemesOf(name))) return value
    throw fail(`${name} is missing or not a safe URL`)
  }
}

/** What settings say about an issuer's endpoints. */
export interface EndpointRules {
  /** Whether endpoints that no browser opens may be http, and then only those. */
  allowHttp?: boolean
  /** In place of what the document says. */
  replaced?: Partial<Record<ReplaceableEndpoint, string | undefined>>
}

type ReplaceableEndpoint =
  'authorizationEndpoint' | 'tokenEndpoint' | 'jwksUri' | 'userinfoEndpoint' | 'revocationEndpoint'

const THIS_MACHINE = new BlockList()
THIS_MACHINE.addSubnet('127.0.0.0', 8, 'ipv4')
THIS_MACHINE.addSubnet('0.0.0.0', 8, 'ipv4')
THIS_MACHINE.addSubnet('::', 127, 'ipv6')

/**
 * An endpoint must have one of the schemes. It must not be a cloud's metadata service (CVE-2026-53513). A
 * remote issuer must not name this machine, and an issuer on this machine may name http endpoints on this machine only.
 */
export function isAllowedEndpoint (text: string, issuer: string, schemes: string[]): boolean {
  const url = parseUrl(text)
  const issuerUrl = new URL(issuer)
  if (!url || !schemes.includes(url.protocol)) return false
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const family = isIP(host)
  const isIn = (list: BlockList) => family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4')
  if (!/^[\w.:-]+$/.test(host) || isMetadataHost(host)) return false
  const isLocal = isIn(THIS_MACHINE) || /(^|\.)localhost$/.test(host)
  return isLoopback(issuerUrl) ? isLocal || url.protocol === 'https:' : !isLocal
}
