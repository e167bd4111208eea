import { parse } from 'bowser'

/**
 * The device behind a User-Agent in a person's words: "Chrome on Windows", or the product's name: "curl". Null when the
 * header does not say.
 */
export function describeDevice (userAgent: string | null): string | null {
  return joinDevice(readDevice(userAgent), (browser, system) => `${browser} on ${system}`)
}

/** A browser and its system, or the name of another client, as far as a User-Agent says. */
export interface Device { browser?: string | undefined, system?: string | undefined }

/** Both parts, joined as a language does it; one alone; or null. */
export function joinDevice (
  { browser, system }: Device, join: (browser: string, system: string) => string
): string | null {
  return browser && system ? join(browser, system) : browser || system || null
}

export function readDevice (userAgent: string | null): Device {
  if (!userAgent) return {}
  // Every browser begins with Mozilla; other clients begin with their own name (RFC 9110 section 10.1.5).
  if (!userAgent.startsWith('Mozilla/')) return { browser: /^[^/(]{1,100}/.exec(userAgent)?.[0].trim() }
  const { browser, os } = parse(userAgent)
  return { browser: browser.name, system: os.name }
}
