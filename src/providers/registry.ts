import { apple } from './apple.ts'
import { bitbucket } from './bitbucket.ts'
import { discord } from './discord.ts'
import { facebook } from './facebook.ts'
import { figma } from './figma.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import { google } from './google.ts'
import { kakao } from './kakao.ts'
import { line } from './line.ts'
import { linkedin } from './linkedin.ts'
import { microsoft } from './microsoft.ts'
import { notion } from './notion.ts'
import { createOAuthProviderBySettings } from './oauth-by-settings.ts'
import { createOidcProvider } from './oidc.ts'
import type { Provider, ProviderDefinition, ProviderSettings } from './provider.ts'
import { reddit } from './reddit.ts'
import { slack } from './slack.ts'
import { spotify } from './spotify.ts'
import { twitch } from './twitch.ts'
import { x } from './x.ts'
import { yahoo } from './yahoo.ts'
import { zoom } from './zoom.ts'

/** The built-in providers. To add one, write a file for it and add it here. */
export const BUILT_IN_PROVIDERS: readonly ProviderDefinition[] = [
  github,
  google,
  facebook,
  x,
  microsoft,
  apple,
  discord,
  gitlab,
  linkedin,
  slack,
  twitch,
  spotify,
  bitbucket,
  reddit,
  yahoo,
  line,
  kakao,
  notion,
  figma,
  zoom
]

/** The enabled providers by id, in the order of the settings. */
export type Providers = ReadonlyMap<string, Provider>

export function createProviders (settings: ProviderSettings[]): Providers {
  return new Map(settings.map((one) => [one.id, create(one)]))
}

function create (settings: ProviderSettings): Provider {
  const builtIn = BUILT_IN_PROVIDERS.find(({ id }) => settings.kind === 'built-in' && id === settings.id)
  if (builtIn) return builtIn.create(settings)
  if (settings.kind === 'oauth') return createOAuthProviderBySettings(settings)
  return createOidcProvider(settings, {
    name: settings.name ?? settings.id,
    scope: ['openid', 'profile', 'email'],
    issuer: settings.issuer as string,
    isEmailVerified: (emailVerified) => settings.emailTrusted && emailVerified === true
  })
}
