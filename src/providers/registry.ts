import type { ProviderSettings } from '../settings.ts'
import { createGitHubProvider } from './github.ts'
import { createGoogleProvider } from './google.ts'
import { createOidcProvider } from './oidc.ts'
import type { Provider } from './provider.ts'

/** A new provider is a file of its own and a line here. */
const FACTORIES: Record<ProviderSettings['kind'], (settings: ProviderSettings) => Provider | Promise<Provider>> = {
  github: createGitHubProvider,
  google: createGoogleProvider,
  oidc: (settings) => createOidcProvider({ ...settings, name: settings.name ?? settings.id, issuer: settings.issuer as string })
}

/** The enabled providers by id, in the order of the settings. */
export type Providers = ReadonlyMap<string, Provider>

export async function createProviders (settings: ProviderSettings[]): Promise<Providers> {
  const providers = await Promise.all(settings.map((one) => FACTORIES[one.kind](one)))
  return new Map(providers.map((provider) => [provider.id, provider]))
}
