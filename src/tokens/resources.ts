import { Type } from 'typebox'
import { OAuthError } from '../http/errors.ts'
import { parseUrl } from '../http/url.ts'
import { PROVIDER_TOKEN_SCOPE, SCOPES, checkScope, grantableScope } from './scope.ts'

/** An API that access tokens may be for: an entry of RESOURCES. */
export interface Resource {
  /** An absolute URI without a fragment (RFC 8707 section 2): the `aud` of its tokens. */
  resource: string
  name: string
  /** What its tokens may have beside the scopes of OpenID Connect. */
  scopes?: string[]
  /** What people read in place of a scope's name when they are asked for it. */
  scope_descriptions?: Record<string, string>
}

/** What a token is granted for: the scope, and resources; without any, the token is for TOKEN_AUDIENCE. */
export interface ResourceGrant { scope: string, resources: string[] }

/** The APIs that clients may request access tokens for (RFC 8707). */
export interface Resources {
  /** The scopes of all resources together. */
  scopes: string[]
  has: (resource: string) => boolean
  find: (resource: string) => Resource | undefined
  /**
   * The `resource` parameter of a request, as RESOURCES spells it: capitals in the host, its usual port and the slash
   * after it do not matter. Undefined without one. Throws as `readResources` does.
   */
  read: (parameter: unknown) => string[] | undefined
  /**
   * What a request is granted: for its resources, or else for those of the client's registration. The scope is the part
   * of the requested one that they have. Throws `invalid_target` for an unknown resource, `invalid_scope` for a
   * malformed scope.
   */
  grant: (requested: RequestedGrant) => ResourceGrant
  /**
   * What a client is granted for itself: the part of its registered scope that the resources have, and all of it for
   * TOKEN_AUDIENCE. Throws as `grant` does.
   */
  grantToClient: (requested: RequestedGrant) => ResourceGrant
  /**
   * The part of a grant that is for `resources`, or else for those that are still known. Throws `invalid_target` for a
   * resource that was not granted, `invalid_grant` where none is left.
   */
  narrow: (grant: ResourceGrant, resources: string[] | undefined) => ResourceGrant
  /** The requested scopes that exist, of any resource. Throws `invalid_scope` as `grant` does. */
  knownScope: (requested: string) => string
}

export interface RequestedGrant {
  scope: string | undefined
  resources: string[] | undefined
  registered: string | string[] | undefined
}

/** In all: a login keeps them in its cookie. */
const MAX_LENGTH = 1000

/** It opens Signet's own API, which a token for another resource does not. */
const SCOPES_OF_ALL_RESOURCES = SCOPES.filter((name) => name !== PROVIDER_TOKEN_SCOPE)

export function createResources (settings: Resource[]): Resources {
  const scopesOf = new Map(settings.map(({ resource, scopes = [] }) => [resource, scopes]))
  const byHref = new Map(settings.map(({ resource }) => [hrefOf(resource), resource]))
  const allScopes = [...new Set([...scopesOf.values()].flat())]

  /** The part of `scope` that the resources have. */
  function scopeFor (resources: string[], scope: string): string {
    const names = new Set(checkScope(scope).split(' '))
    const own = resources.flatMap((resource) => scopesOf.get(resource) ?? [])
    return [...new Set([...SCOPES_OF_ALL_RESOURCES, ...own])].filter((name) => names.has(name)).join(' ')
  }

  /** The resources of a request, or else of the registration, which must be there. */
  function targets ({ resources: requested, registered = [] }: RequestedGrant): string[] {
    const resources = requested ?? [registered].flat()
    if (!resources.every((resource) => scopesOf.has(resource))) throw invalidTarget('There is no such resource here.')
    if (resources.join('').length > MAX_LENGTH) throw invalidTarget('These are too many resources for one token.')
    return resources
  }

  return {
    scopes: allScopes,
    has: (resource) => scopesOf.has(resource),
    find: (resource) => settings.find((each) => each.resource === resource),
    read (parameter) {
      const named = readResources(parameter)?.map((each) => byHref.get(hrefOf(each)) ?? each)
      return named && [...new Set(named)]
    },

    grant (requested) {
      const [resources, { scope }] = [targets(requested), requested]
      if (resources.length === 0) return { scope: grantableScope(scope), resources }
      return { scope: scopeFor(resources, scope ?? ''), resources }
    },

    grantToClient (requested) {
      const [resources, { scope = '' }] = [targets(requested), requested]
      if (resources.length === 0) return { scope, resources }
      return { scope: scopeFor(resources, scope), resources }
    },

    narrow (grant, requested) {
      if (requested?.some((resource) => !grant.resources.includes(resource))) {
        throw invalidTarget(NOT_GRANTED)
      }
      if (grant.resources.length === 0) return grant
      const resources = (requested ?? grant.resources).filter((resource) => scopesOf.has(resource))
      if (resources.length === 0) {
        throw new OAuthError('invalid_grant', 'What this session was for is no longer there. Sign in again.')
      }
      return { scope: scopeFor(resources, grant.scope), resources }
    },

    knownScope (requested) {
      const names = new Set(checkScope(requested).split(' '))
      return [...new Set([...SCOPES, ...allScopes])].filter((name) => names.has(name)).join(' ')
    }
  }
}

/** The parameter in the body of a request. */
export const ResourceParameter = Type.Optional(Type.Union([
  Type.String({ maxLength: 1000 }), Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 20 })
], { description: 'RFC 8707, may be repeated: the APIs that the access token is for.' }))

const hrefOf = (uri: string) => parseUrl(uri)?.href ?? uri

/**
 * The `resource` parameter, which a request may repeat (RFC 8707 section 2). Undefined where there is none. Throws
 * `invalid_target` for what is no text.
 */
export function readResources (value: unknown): string[] | undefined {
  const values = [value ?? []].flat().filter((each) => each !== '')
  if (!values.every((each) => typeof each === 'string')) throw invalidTarget('resource must be a URI.')
  return values.length === 0 ? undefined : [...new Set(values)]
}

export const NOT_GRANTED = 'The tokens of this session are not for this resource.'

export const invalidTarget = (description: string) => new OAuthError('invalid_target', description)
