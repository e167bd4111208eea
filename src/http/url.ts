/** `URL.parse`, which Node documents from version 22 on. */
export function parseUrl (text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}

/** True for the local machine, where http is allowed in production too. */
export function isLoopback (url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

/** An absolute URI without a fragment (RFC 6749 section 3.1.2), in printable ASCII of at most 1,000 characters. */
export function isRedirectUri (uri: string): boolean {
  return uri.length <= 1000 && /^[\x21-\x7e]+$/.test(uri) && URL.canParse(uri) && !uri.includes('#')
}
