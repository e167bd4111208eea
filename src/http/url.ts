/** `URL.parse`, which Node documents from version 22 on. */
export function parseUrl (text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}

/** True for the local machine, where http is allowed in production too. */
export function isLoopback (url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

/** Schemes of code, of local files, of documents that are part of another one, and of what is no page. */
const REFUSED_SCHEMES = /^(?:javascript|data|vbscript|file|blob|about|filesystem|view-source|wss?|ftp):$/

/** Schemes under which web views serve an app's own pages: Capacitor, Ionic, Tauri. */
const WEB_VIEW_SCHEMES = ['capacitor:', 'ionic:', 'tauri:']

/** The origin of a web page as browsers and web views name it; undefined for what is no page's URL. */
export function webOrigin (url: URL): string | undefined {
  if (url.protocol === 'https:' || url.protocol === 'http:') return url.origin
  return WEB_VIEW_SCHEMES.includes(url.protocol) && url.host !== '' ? `${url.protocol}//${url.host}` : undefined
}

export const REDIRECT_URI_RULE =
  'must be an absolute URI without a fragment: https, http of a loopback address, or an ' +
  "app's own scheme; in ASCII, of at most 1000 characters, without a user name"

/**
 * Whether a redirect URI or post-logout redirect URI may be registered: REDIRECT_URI_RULE (RFC 6749 section 3.1.2,
 * RFC 8252 section 7).
 */
export function isRedirectUri (uri: string): boolean {
  if (uri.length > 1000 || !/^[\x21-\x7e]+$/.test(uri) || uri.includes('#')) return false
  const url = parseUrl(uri)
  if (!url || REFUSED_SCHEMES.test(url.protocol)) return false
  if (!['http:', 'https:'].includes(url.protocol)) return true
  // Browsers find a host in more spellings: https:host, https:\\host, https://name@host.
  return /^https?:\/\/[^/?@\\]+(?:[/?]|$)/i.test(uri) && (url.protocol === 'https:' || isLoopback(url))
}
