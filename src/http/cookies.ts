import type { CookieSerializeOptions } from '@fastify/cookie'

/** The names and attributes of the cookies: Secure and `__Host-` wherever the issuer is https (SEC-7, SEC-66). */
export interface CookiePolicy {
  secure: boolean
  refreshCookieName: string
  refreshToken: CookieSerializeOptions
  /**
   * `SameSite=None` only for providers that return by a POST from their own site. Browsers accept `None` with Secure
   * only, and Secure over https only. Over http it works at localhost alone, where Chromium and Firefox make an
   * exception.
   */
  loginAttempt: (formPost: boolean) => CookieSerializeOptions
  deviceVisitName: string
  /** Lax: the browser sends it when it returns from the provider's site. */
  deviceVisit: CookieSerializeOptions
  /** The secret of the links that a person must click. Lax: tabs that other sites open share it. */
  confirmationName: string
  confirmation: CookieSerializeOptions
}

export function createCookiePolicy (
  issuerUrl: string, { attemptSeconds, refreshTokenSeconds }: { attemptSeconds: number, refreshTokenSeconds: number }
): CookiePolicy {
  const secure = issuerUrl.startsWith('https:')
  const prefix = secure ? '__Host-' : ''
  const common = { httpOnly: true, secure, path: '/' }
  return {
    secure,
    refreshCookieName: `${prefix}signet-refresh`,
    refreshToken: { ...common, sameSite: 'strict', maxAge: refreshTokenSeconds },
    loginAttempt: (formPost) => formPost
      ? { ...common, secure: true, sameSite: 'none', maxAge: attemptSeconds }
      : { ...common, sameSite: 'lax', maxAge: attemptSeconds },
    deviceVisitName: `${prefix}signet-device`,
    deviceVisit: { ...common, sameSite: 'lax', maxAge: attemptSeconds },
    confirmationName: `${prefix}signet-confirmation`,
    confirmation: { ...common, sameSite: 'lax', maxAge: attemptSeconds }
  }
}
