import type { ProviderSettings } from '../providers/provider.ts'
import type { Providers } from '../providers/registry.ts'
import { createAppleReceiver } from './apple.ts'
import { createFacebookReceivers } from './facebook.ts'
import { createGitHubReceiver } from './github.ts'
import type { EventReceiver } from './receiver.ts'
import { createSecurityEventReceiver } from './security-events.ts'

/** The URLs of the enabled providers that send events. */
export function createEventReceivers (settings: ProviderSettings[], providers: Providers): EventReceiver[] {
  return settings.flatMap((one) => {
    const provider = providers.get(one.id)
    if (!provider) return []
    const { verifyEvent } = provider
    const { EVENTS: takesEvents, WEBHOOK_SECRET: webhookSecret } = one.own
    switch (one.kind === 'built-in' ? one.id : one.kind) {
      case 'apple': return verifyEvent ? [createAppleReceiver(provider, verifyEvent)] : []
      case 'google': return verifyEvent ? [createSecurityEventReceiver(provider, verifyEvent)] : []
      case 'facebook': return createFacebookReceivers(provider, one)
      case 'github': return webhookSecret === undefined ? [] : [createGitHubReceiver(provider, webhookSecret)]
      case 'oidc': return takesEvents === 'true' && verifyEvent
        ? [createSecurityEventReceiver(provider, verifyEvent)]
        : []
      default: return []
    }
  })
}
