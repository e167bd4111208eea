import type { ProviderSettings } from '../settings.ts'
import { createGitHubProvider } from './github.ts'
import { createGoogleProvider } from './google.ts'
import { createOidcProvider } from './oidc.ts'
import type { Provider } from './provider.ts'

/** A new provider is a file of its own and a line here. */
const FACTORIES: Record<ProviderSettings['kind'], (settings: ProviderSettings) => Provider> = {
  github: createGitHubProvider,
  google: createGoogleProvider,
  oidc: (settings) => createOidcProvider({ ...settings, name: settings.name ?? settings.id, issuer: settings.issuer as string })
}

/** The enabled providers by id, in the order of the settings. */
export type Providers = ReadonlyMap<string, Provider>

export function createProviders (settings: ProviderSettings[]): Providers {
  return new Map(settings.map((one) => [one.id, FACTORIES[one.kind](one)]))
}
