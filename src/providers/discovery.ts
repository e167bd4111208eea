import { BlockList, isIP } from 'node:net'
import { member } from './claims.ts'
import { providerError } from './failure.ts'
import { getJson } from './http.ts'
import { isLoopback, parseUrl } from '../http/url.ts'

/** What Signet uses of an issuer's metadata (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). */
export interface IssuerMetadata {
  issuer: string
  authorizationEndpoint: string
  tokenEndpoint: string
  jwksUri: string
  userinfoEndpoint: string | undefined
  revocationEndpoint: string | undefined
  tokenEndpointAuthentication: 'body' | 'header'
  /** RFC 9207: the issuer always sends `iss` with its answer, so an answer without it is forged. */
  sendsIss: boolean
}

const FRESH_MS = 60 * 60 * 1000

/**
 * An issuer's metadata, fetched when first needed and kept for an hour. An issuer that is down stops nobody but the
 * login that needs it, and is asked again by the next one; metadata once fetched serves on while the issuer is down.
 * `ownName` is what the document calls its issuer, where the provider documents another spelling.
 */
export function createDiscovery (provider: string, issuer: string, ownName = issuer): () => Promise<IssuerMetadata> {
  let known: { metadata: IssuerMetadata, fetchedAt: number } | undefined
  let fetching: Promise<IssuerMetadata> | undefined

  async function refresh (): Promise<IssuerMetadata> {
    const metadata = await fetchMetadata(provider, issuer, ownName)
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

async function fetchMetadata (provider: string, issuer: string, ownName: string): Promise<IssuerMetadata> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await getJson(url, { provider, step: 'discovery' })
  // Another issuer's metadata must not speak for this one (OpenID Connect Discovery 1.0 section 4.3).
  if (member(document, 'issuer') !== ownName) throw providerError(provider, 'discovery', 'the document names another issuer')
  const methods = member(document, 'token_endpoint_auth_methods_supported')
  return {
    issuer,
    authorizationEndpoint: endpoint('authorization_endpoint'),
    tokenEndpoint: endpoint('token_endpoint'),
    jwksUri: endpoint('jwks_uri'),
    userinfoEndpoint: optional('userinfo_endpoint'),
    revocationEndpoint: optional('revocation_endpoint'),
    tokenEndpointAuthentication: Array.isArray(methods) && !methods.includes('client_secret_basic') && methods.includes('client_secret_post') ? 'body' : 'header',
    sendsIss: member(document, 'authorization_response_iss_parameter_supported') === true
  }

  function optional (name: string): string | undefined {
    return member(document, name) === undefined ? undefined : endpoint(name)
  }

  function endpoint (name: string): string {
    const value = member(document, name)
    if (typeof value !== 'string' || !mayBeEndpoint(value, issuer)) throw providerError(provider, 'discovery', `${name} is missing or not a safe URL`)
    return value
  }
}

const METADATA_SERVICES = new BlockList()
METADATA_SERVICES.addSubnet('169.254.0.0', 16, 'ipv4')
METADATA_SERVICES.addSubnet('fe80::', 10, 'ipv6')
METADATA_SERVICES.addSubnet('fd00:ec2::', 32, 'ipv6')

const THIS_MACHINE = new BlockList()
THIS_MACHINE.addSubnet('127.0.0.0', 8, 'ipv4')
THIS_MACHINE.addSubnet('0.0.0.0', 8, 'ipv4')
THIS_MACHINE.addSubnet('::', 127, 'ipv6')

/**
 * An endpoint must be https, or http like its issuer. An issuer in the open must not point into this machine, none at a
 * cloud's metadata service (CVE-2026-53513), and one on this machine speaks http to this machine only.
 */
function mayBeEndpoint (text: string, issuer: string): boolean {
  const url = parseUrl(text)
  const issuerUrl = new URL(issuer)
  if (!url || !['https:', issuerUrl.protocol].includes(url.protocol)) return false
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const family = isIP(host)
  const isIn = (list: BlockList) => family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4')
  if (!/^[\w.:-]+$/.test(host) || isIn(METADATA_SERVICES)) return false
  const isHere = isIn(THIS_MACHINE) || /(^|\.)localhost$/.test(host)
  return isLoopback(issuerUrl) ? isHere || url.protocol === 'https:' : !isHere
}
