import { createRemoteJWKSet } from 'jose'
import { parseJson } from '../../src/http/json.ts'
import { clientRequest } from '../../src/providers/client-authentication.ts'
import { callProvider } from '../../src/providers/http.ts'
import type { Provider, ProviderEndpoints } from '../../src/providers/provider.ts'
import { BUILT_IN_PROVIDERS } from '../../src/providers/registry.ts'
import type { ProviderSettings } from '../../src/settings.ts'
import { error, ok, warning, type Finding } from './finding.ts'
import { examineCapabilities, examineIssuerName, readDiscovery } from './issuer.ts'

/** ID tokens are taken when they are a minute off; from half of that on a login may fail now and then. */
const CLOCK_ERROR_SECONDS = 60
const CLOCK_WARNING_SECONDS = 30

/**
 * Everything that can be known of a provider without a person: its callback URL, endpoints, keys, credentials and
 * clock.
 */
export async function examineProvider (
  provider: Provider,
  settings: ProviderSettings,
  issuerUrl: string
): Promise<Finding[]> {
  const callbackUrl = `${issuerUrl}/login/${provider.id}/callback`
  const prefix =
    settings.kind === 'built-in'
      ? settings.id.toUpperCase()
      : `${settings.kind.toUpperCase()}_${settings.id.toUpperCase().replaceAll('-', '_')}`
  const where = BUILT_IN_PROVIDERS.find(({ id }) => id === provider.id)?.console ?? 'its administration'
  const check = (what: string) => `${provider.id}, ${what}`
  const findings = [ok(check('callback URL'), `paste exactly this at ${where}: ${callbackUrl}`)]

  const { kind, issuer, authorizationUrl, tokenUrl, jwksUrl } = settings
  // Signet does not read the document of an issuer whose endpoints are all in the settings.
  const isDiscovered = kind !== 'oauth' && [authorizationUrl, tokenUrl, jwksUrl].includes(undefined)
  const examined = isDiscovered && issuer !== undefined && { name: provider.name, issuer, prefix, where, check }
  const document = examined ? await readDiscovery(examined) : undefined
  const endpoints = await provider.endpoints().catch((problem: Error) => problem)
  if (endpoints instanceof Error) {
    const unreadable =
      error(check('endpoints'), endpoints.message, `Check ${prefix}_ISSUER and that this machine may reach it.`)
    return [...findings, (examined ? examineIssuerName(examined, document) : undefined) ?? unreadable]
  }
  findings.push(ok(check('endpoints'), new URL(endpoints.tokenUrl).host))
  if (examined) findings.push(...examineCapabilities(examined, document, endpoints.authentication))
  if (endpoints.jwksUrl !== undefined) findings.push(await examineKeys(provider.name, endpoints.jwksUrl, check('keys')))
  return [
    ...findings,
    ...(await examineCredentials(provider.name, settings.clientId, endpoints, callbackUrl, prefix, where, check))
  ]
}

async function examineKeys (provider: string, url: string, check: string): Promise<Finding> {
  try {
    const keys = createRemoteJWKSet(new URL(url), { timeoutDuration: 5_000 })
    await keys.reload()
    const { length } = keys.jwks()?.keys ?? []
    const advice = `Let ${provider} sign with RS256 or ES256: an issuer without keys signs with the client secret.`
    return length > 0 ? ok(check, `${length} published`) : error(check, 'the key set is empty', advice)
  } catch (failure) {
    return error(
      check,
      `the key set at ${new URL(url).host} cannot be read (${(failure as Error).message})`,
      `${provider}'s ID tokens cannot be verified: check that this machine may reach it.`
    )
  }
}

/**
 * Exchanges a code that cannot be good: what the provider finds fault with, the code or the client, tells whether it
 * knows the client.
 */
async function examineCredentials (
  provider: string,
  clientId: string,
  endpoints: ProviderEndpoints,
  callbackUrl: string,
  prefix: string,
  where: string,
  check: (what: string) => string
): Promise<Finding[]> {
  const { tokenUrl, authentication, clientSecret } = endpoints
  const parameters = {
    grant_type: 'authorization_code',
    code: 'npm-run-doctor',
    redirect_uri: callbackUrl,
    code_verifier: 'npm-run-doctor'.padEnd(43, '-')
  }
  try {
    const request = clientRequest({ clientId, clientSecret, authentication }, parameters)
    const {
      status,
      headers: answered,
      text
    } = await callProvider(tokenUrl, { provider, step: 'token exchange', ...request })
    const clock = examineClock(answered.date, check('clock'))
    return [credentials(status, text), ...(clock ? [clock] : [])]
  } catch (failure) {
    return [
      error(
        check('credentials'),
        (failure as Error).message,
        'Check that this machine may reach the provider, and try again.'
      )
    ]
  }

  function credentials (status: number, text: string): Finding {
    const verdict = judge(status, text)
    if (verdict === 'refused') {
      const advice = `Copy both anew from ${where} into ${prefix}_CLIENT_ID and ${prefix}_CLIENT_SECRET.`
      return error(check('credentials'), `${provider} does not know the client id, or the secret is wrong`, advice)
    }
    if (verdict === 'callback') {
      return error(
        check('credentials'),
        `${provider} does not know the callback URL`,
        `Register exactly ${callbackUrl} at ${where}.`
      )
    }
    if (verdict === 'accepted') return ok(check('credentials'), `${provider} knows the client id and secret`)
    return warning(
      check('credentials'),
      `${provider} answered with HTTP ${status}, which does not show whether the credentials are right`,
      'Sign in once to see.'
    )
  }
}

const CALLBACK_REFUSED = /redirect_uri_mismatch|redirect[_ ]uri (is |does )?(not|in)|AADSTS50011/i

const CREDENTIALS_REFUSED = anyOf(
  'invalid_client|incorrect_client_credentials|bad_client_secret',
  '(invalid|unknown|wrong|incorrect|validating)[_ ](oauth |api )?(client|application)',
  'AADSTS700016|AADSTS7000215'
)

const CODE_REFUSED = anyOf(
  'invalid_grant|bad_verification_code|invalid_code|invalid_request',
  '(invalid|incorrect|malformed|expired)[^"]{0,40}code',
  'code[^"]{0,40}(invalid|incorrect|expired|malformed|not found)'
)

function anyOf (...patterns: string[]): RegExp {
  return new RegExp(patterns.join('|'), 'i')
}

/**
 * How a token endpoint refuses a client, a callback URL or a code: by the codes of RFC 6749 section 5.2, or by those of
 * the provider.
 */
export function judge (status: number, text: string): 'accepted' | 'refused' | 'callback' | 'unclear' {
  const answer = JSON.stringify(parseJson(text) ?? text.slice(0, 2000))
  if (CALLBACK_REFUSED.test(answer)) return 'callback'
  if (CREDENTIALS_REFUSED.test(answer) || status === 401 || status === 403) return 'refused'
  return CODE_REFUSED.test(answer) ? 'accepted' : 'unclear'
}

function examineClock (date: string | undefined, check: string): Finding | undefined {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return undefined
  const seconds = Math.round((Date.now() - theirs) / 1000)
  const difference = `${Math.abs(seconds)} seconds ${seconds < 0 ? 'behind' : 'ahead of'}`
  const message = `this machine's clock is ${difference} the provider's`
  const advice = 'Set it by NTP: ID tokens that seem to be from the future, or over, are refused.'
  if (Math.abs(seconds) > CLOCK_ERROR_SECONDS) return error(check, message, advice)
  if (Math.abs(seconds) > CLOCK_WARNING_SECONDS) return warning(check, message, advice)
  return ok(check, "agrees with the provider's")
}
