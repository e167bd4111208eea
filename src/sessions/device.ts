import { parse } from 'bowser'

/** What a person would call the device behind a User-Agent: "Chrome on Windows", or the product's name: "curl". Null when it does not say. */
export function describeDevice (userAgent: string | null): string | null {
  if (!userAgent) return null
  // Browsers all begin as Mozilla; what else comes says its own name first (RFC 9110 section 10.1.5).
  if (!userAgent.startsWith('Mozilla/')) return /^[^/(]{1,100}/.exec(userAgent)?.[0].trim() || null
  const { browser, os } = parse(userAgent)
  return [browser.name, os.name].filter((name) => name).join(' on ') || null
}
