import { pathOf } from '../http/issuer-path.ts'
import { parseUrl } from '../http/url.ts'

export type Area = '/account' | '/admin'

/** The area that a page is in, by its path or URL. */
export function areaOf (url: string): Area {
  return /^\/admin(?:[/?]|$)/.test(url) ? '/admin' : '/account'
}

const AREAS = /^\/(?:account|admin)(?:\/|$)/

/** True for the URL of /account or /admin, or of a page below: a login that returns there opens a page session. */
export function isOwnPage (issuerUrl: string, url: string): boolean {
  const parsed = parseUrl(url)
  const path = pathOf(issuerUrl)
  return parsed?.origin === new URL(issuerUrl).origin && parsed.pathname.startsWith(path) &&
    AREAS.test(parsed.pathname.slice(path.length))
}
