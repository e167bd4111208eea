export interface ResourceDescription {
  /** The URL that clients know the API by, which is a `resource` of Signet's RESOURCES. */
  resource: string
  /** What clients ask for unless a challenge names scopes: the least that is of use. */
  scopes?: string[] | undefined
  /** What people may read. */
  name?: string | undefined
}

export interface ResourceMetadata {
  /** The document of RFC 9728 section 2. */
  document: Record<string, unknown>
  /** Where it is (section 3.1): between the host and the path of the resource. */
  url: string
  path: string
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** Throws TypeError for a resource that is no http or https URL, or has a query or a fragment. */
export function describeResource (issuer: string, { resource, scopes, name }: ResourceDescription): ResourceMetadata {
  const url = new URL(resource)
  if (!['https:', 'http:'].includes(url.protocol) || /[?#"\\\s]/.test(resource)) {
    throw new TypeError('The resource must be an https URL without a query and a fragment.')
  }
  const path = WELL_KNOWN + (url.pathname === '/' ? '' : url.pathname)
  return {
    document: {
      resource,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      ...scopes === undefined ? {} : { scopes_supported: scopes },
      ...name === undefined ? {} : { resource_name: name }
    },
    url: url.origin + path,
    path
  }
}
