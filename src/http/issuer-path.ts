/** The path of the issuer without a slash at its end: '' for an issuer that has none. */
export function pathOf (issuerUrl: string): string {
  return new URL(issuerUrl).pathname.replace(/\/$/, '')
}

/** The first segments of Signet's own paths: under an issuer path that begins with one, two readings would meet. */
const OWN = ['.well-known', 'account', 'admin', 'device', 'docs', 'healthz', 'login', 'logout', 'me', 'metrics',
  'oauth2', 'openapi.json', 'problems', 'readyz', 'revocations']

export function isOwnPath (issuerUrl: string): boolean {
  return OWN.includes(pathOf(issuerUrl).split('/')[1] ?? '')
}

/**
 * Fastify's `rewriteUrl` for an issuer with a path: takes the path off, so that a proxy may leave it on or strip it.
 * Undefined for an issuer without one.
 */
export function stripIssuerPath (issuerUrl: string): ((request: { url?: string | undefined }) => string) | undefined {
  const path = pathOf(issuerUrl)
  if (path === '') return undefined
  return ({ url = '/' }) => {
    if (!url.startsWith(path)) return url
    const rest = url.slice(path.length)
    if (rest.startsWith('/')) return rest
    return rest === '' || rest.startsWith('?') ? `/${rest}` : url
  }
}
