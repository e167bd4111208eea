import type { Brand } from '../pages/brand.ts'
import type { Client } from './clients.ts'

/**
 * The name, logo and links of a client. What it has none of is the service's own, but for the logo. A third party has
 * the service's own.
 */
export function brandOf ({ name, metadata, thirdParty }: Client, service: Brand): Brand {
  // Whoever it says it is.
  if (thirdParty) return service
  return {
    name,
    logoUrl: metadata.logoUri,
    privacyUrl: metadata.policyUri ?? service.privacyUrl,
    termsUrl: metadata.tosUri ?? service.termsUrl
  }
}
