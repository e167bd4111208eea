import { assertGrantType, type Client } from '../clients/clients.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { readParameter, type Parameters } from '../http/parameters.ts'
import { readLoginParameters, type LoginParameters } from '../providers/login-parameters.ts'
import { NO_CODE_CHALLENGE, type CodeCompletion } from '../sign-in/login-attempt.ts'
import { AUTHORIZATION_CODE } from '../tokens/grant-types.ts'
import { invalidTarget, type ResourceGrant, type Resources } from '../tokens/resources.ts'
import { thirdPartyScope } from '../tokens/scope.ts'

export type AuthorizationRequest =
  Pick<CodeCompletion, 'intent' | 'codeChallenge' | 'scope' | 'resources' | 'nonce' | 'dpopJkt' | 'consent'>

/** Some clients keep their own state in it, and not only a key to it. */
const MAX_STATE_LENGTH = 2000

/** Without these two there is no client to redirect an error to. Throws a Problem for the person instead. */
export function readReturnAddress (parameters: Parameters): { clientId: string, redirectUri: string | undefined } {
  const clientId = readParameter(parameters, 'client_id', { maxLength: 200, toError: toInvalidRequest })
  const redirectUri = readParameter(parameters, 'redirect_uri', { maxLength: 1000, toError: toInvalidRequest })
  if (clientId === undefined) throw new Problem('invalid_request', 'client_id is missing.')
  return { clientId, redirectUri }
}

/** The `state` to return with an error; undefined where it is invalid itself. */
export function readState (parameters: Parameters): string | undefined {
  const { state } = parameters
  return typeof state === 'string' && state !== '' && state.length <= MAX_STATE_LENGTH ? state : undefined
}

/** How the client wants its answer, also where that is an error (OAuth 2.0 Form Post Response Mode). */
export function readResponseMode ({ response_mode: mode }: Parameters): 'form_post' | undefined {
  return mode === 'form_post' ? mode : undefined
}

export function readProvider (parameters: Parameters): string | undefined {
  return readParameter(parameters, 'provider', { maxLength: 64, toError: invalid })
}

/** The rest of the request (OAuth 2.1 section 4.1.1). Throws an OAuthError to redirect to the client. */
export function readAuthorizationRequest (
  parameters: Parameters, client: Client, apis: Resources
): AuthorizationRequest {
  const read = (name: string, maxLength: number) => readParameter(parameters, name, { maxLength, toError: invalid })
  read('state', MAX_STATE_LENGTH)
  refuseRequestObjects(parameters)
  assertGrantType(client, AUTHORIZATION_CODE)
  checkResponse(read('response_type', 64), read('response_mode', 64))
  const intent = read('intent', 16)
  if (intent !== undefined && intent !== 'link') throw invalid('intent must be link, or absent to sign in.')
  if (intent !== undefined && client.thirdParty) throw invalid('This client may not link accounts.')
  const requiresPkce = client.metadata.requirePkce !== false || intent === 'link'
  const codeChallenge = checkCodeChallenge(
    read('code_challenge', 128), read('code_challenge_method', 16), requiresPkce
  )
  const dpopJkt = read('dpop_jkt', 43)
  if (dpopJkt !== undefined && !/^[\w-]{43}$/.test(dpopJkt)) {
    throw invalid('dpop_jkt must be the SHA-256 thumbprint of a key in base64url, which has 43 characters.')
  }
  const { scope, resources } = readGrant(parameters, client, apis)
  const nonce = read('nonce', 512)
  const consent = client.thirdParty && {
    fingerprint: client.thirdParty.fingerprint, isForced: String(parameters['prompt']).split(' ').includes('consent')
  }
  return { intent, codeChallenge, scope, ...resources.length > 0 && { resources }, nonce, dpopJkt, consent }
}

/** A third-party client gets tokens for the resources that it names, and for no other. */
function readGrant (parameters: Parameters, { metadata, thirdParty }: Client, apis: Resources): ResourceGrant {
  const resources = apis.read(parameters['resource'])
  if (!thirdParty) return apis.grant({ scope: readScope(parameters), resources, registered: metadata.resource })
  if (!resources) throw invalidTarget('resource is missing: name the API that the token is to be for.')
  const granted = apis.grant({ scope: readScope(parameters), resources, registered: undefined })
  return { ...granted, scope: thirdPartyScope(granted.scope) }
}

/** OpenID Connect Core section 6. */
function refuseRequestObjects (parameters: Parameters): void {
  for (const name of ['request', 'request_uri'] as const) {
    if (parameters[name] !== undefined) {
      throw new OAuthError(`${name}_not_supported`, `${name} is not supported: send the parameters themselves.`)
    }
  }
}

function checkResponse (type: string | undefined, mode = 'query'): void {
  if (type === undefined) throw invalid('response_type is missing.')
  if (type !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code.')
  if (mode !== 'query' && mode !== 'form_post') throw invalid('response_mode must be query or form_post.')
}

/** RFC 7636 section 4.3, with S256 only. */
function checkCodeChallenge (
  codeChallenge: string | undefined, method: string | undefined, isRequired: boolean
): string {
  if (codeChallenge === undefined && method === undefined && !isRequired) return NO_CODE_CHALLENGE
  if (codeChallenge === undefined) throw invalid('code_challenge is missing: PKCE is required of this client.')
  if (method !== 'S256') throw invalid('code_challenge_method must be S256.')
  if (!/^[\w-]{43}$/.test(codeChallenge)) {
    throw invalid('code_challenge must be a SHA-256 in base64url, which has 43 characters.')
  }
  return codeChallenge
}

/**
 * What is handed on to the provider (OpenID Connect Core section 3.1.2.1). Every sign-in takes the person there, so
 * `prompt=none` always fails, with `login_required`. Throws an OAuthError to redirect to the client.
 */
export function readProviderParameters (parameters: Parameters, { thirdParty }: Client): LoginParameters {
  if (parameters['prompt'] === 'none') {
    throw new OAuthError('login_required', 'Every sign-in takes place at a provider. Refresh the session instead.')
  }
  const asked = readLoginParameters(parameters, invalid)
  // The consent to a third party is given here, not at the provider.
  return thirdParty ? { ...asked, prompt: asked.prompt.filter((prompt) => prompt !== 'consent') } : asked
}

/** A malformed scope has an error of its own: `invalid_scope`. */
function readScope (parameters: Parameters): string | undefined {
  const { scope } = parameters
  if (typeof scope === 'string' && scope.length <= 1000) return scope
  return readParameter(parameters, 'scope', { maxLength: 1000, toError: invalid })
}

const invalid = (description: string) => new OAuthError('invalid_request', description)
const toInvalidRequest = (description: string) => new Problem('invalid_request', description)
