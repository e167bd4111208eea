import type { CookieSerializeOptions } from '@fastify/cookie'

/** Its name without the prefix. */
export const LANGUAGE_COOKIE = 'signet-language'

const HALF_A_YEAR_SECONDS = 180 * 24 * 60 * 60

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
  /** What the name of each cookie of a consent page begins with. */
  consentPrefix: string
  /** Lax: the browser comes from the provider's site. */
  consent: CookieSerializeOptions
  /** Marks the sign-in that this browser ended last. Sent with the attributes of `loginAttempt`. */
  completedLoginName: string
  /** The id of the provider that was used last, which is no secret. */
  lastProviderName: string
  lastProvider: CookieSerializeOptions
  /** The language of a sign-in, which is no secret. Sent with the attributes of `loginAttempt`. */
  languageName: string
  /** The secret of the links that a person must click. Lax: tabs that other sites open share it. */
  confirmationName: string
  confirmation: CookieSerializeOptions
  /** Opens /account and /admin. Lax: the browser sends it when it returns from the provider's site. */
  pageSessionName: string
  pageSession: CookieSerializeOptions
  /** An account that is being linked at /account. */
  pendingLinkName: string
  pendingLink: CookieSerializeOptions
}

export interface CookieLifetimes { attemptSeconds: number, refreshTokenSeconds: number, sessionSeconds: number }

export function createCookiePolicy (
  issuerUrl: string, { attemptSeconds, refreshTokenSeconds, sessionSeconds }: CookieLifetimes
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
    consentPrefix: `${prefix}signet-consent-`,
    consent: { ...common, sameSite: 'lax', maxAge: attemptSeconds },
    completedLoginName: `${prefix}signet-signed-in`,
    lastProviderName: `${prefix}signet-provider`,
    lastProvider: { ...common, sameSite: 'lax', maxAge: HALF_A_YEAR_SECONDS },
    languageName: `${prefix}${LANGUAGE_COOKIE}`,
    confirmationName: `${prefix}signet-confirmation`,
    confirmation: { ...common, sameSite: 'lax', maxAge: attemptSeconds },
    pageSessionName: `${prefix}signet-pages`,
    pageSession: { ...common, sameSite: 'lax', maxAge: sessionSeconds },
    pendingLinkName: `${prefix}signet-link`,
    pendingLink: { ...common, sameSite: 'lax', maxAge: attemptSeconds }
  }
}
