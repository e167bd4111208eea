import { parse } from 'bowser'

/**
 * The device behind a User-Agent in a person's words: "Chrome on Windows", or the product's name: "curl". Null when the
 * header does not say.
 */
export function describeDevice (userAgent: string | null): string | null {
  if (!userAgent) return null
  // Every browser begins with Mozilla; other clients begin with their own name (RFC 9110 section 10.1.5).
  if (!userAgent.startsWith('Mozilla/')) return /^[^/(]{1,100}/.exec(userAgent)?.[0].trim() || null
  const { browser, os } = parse(userAgent)
  return [browser.name, os.name].filter((name) => name).join(' on ') || null
}
