import type { CookieSerializeOptions } from '@fastify/cookie'

/** How the cookies of this server are called and set: `__Host-` and Secure wherever the issuer speaks https (SEC-7, SEC-66). */
export interface CookiePolicy {
  secure: boolean
  refreshCookieName: string
  /**
   * `None` only for providers that come back by a POST from their own site. Browsers take `None` with Secure alone, and
   * Secure over https alone: on http it works at localhost, where Chromium and Firefox make an exception, and nowhere else.
   */
  loginAttempt: (formPost: boolean) => CookieSerializeOptions
  refreshToken: CookieSerializeOptions
  deviceVisitName: string
  /** Lax: the browser comes back from the provider's site with it. */
  deviceVisit: CookieSerializeOptions
}

export function createCookiePolicy (issuerUrl: string, lifetimes: { attemptSeconds: number, refreshTokenSeconds: number }): CookiePolicy {
  const secure = issuerUrl.startsWith('https:')
  const common = { httpOnly: true, secure, path: '/' }
  return {
    secure,
    refreshCookieName: `${secure ? '__Host-' : ''}signet-refresh`,
    loginAttempt: (formPost) => formPost
      ? { ...common, secure: true, sameSite: 'none', maxAge: lifetimes.attemptSeconds }
      : { ...common, sameSite: 'lax', maxAge: lifetimes.attemptSeconds },
    deviceVisitName: `${secure ? '__Host-' : ''}signet-device`,
    deviceVisit: { ...common, sameSite: 'lax', maxAge: lifetimes.attemptSeconds },
    refreshToken: { ...common, sameSite: 'strict', maxAge: lifetimes.refreshTokenSeconds }
  }
}
