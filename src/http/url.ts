/** `URL.parse`, which Node 20 does not promise. */
export function parseUrl (text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}

/** True for this machine: the one place to which plain http is allowed in production. */
export function isLoopback (url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

/** RFC 6749 section 3.1.2: absolute, and without a fragment; and such that /oauth2/authorize reads it. */
export function isRedirectUri (uri: string): boolean {
  return uri.length <= 1000 && /^[\x21-\x7e]+$/.test(uri) && URL.canParse(uri) && !uri.includes('#')
}
