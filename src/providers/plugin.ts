import fp from 'fastify-plugin'
import type { PluginNamespace } from './registration.ts'
import type { Providers } from './registry.ts'

/**
 * Registers @fastify/oauth2 once for each provider whose endpoints and secret are in the settings: `app.github`,
 * `app['provider-acme']`. Issuers that are discovered at the first login, and Apple with a secret that is renewed,
 * register later (registration.ts).
 */
export const providerClients = fp(async (app, { providers }: { providers: Providers }) => {
  // The plugin takes 0.1 s and 20 MB.
  if (providers.size === 0) return
  const { default: oauth2 } = await import('@fastify/oauth2')
  for (const provider of providers.values()) {
    await provider.register?.(async (options) => {
      await app.register(oauth2, options)
      return app.getDecorator<PluginNamespace>(options.name)
    })
  }
}, { name: 'provider-clients', dependencies: ['@fastify/cookie'] })
