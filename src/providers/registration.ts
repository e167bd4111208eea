import type { FastifyOAuth2Options } from '@fastify/oauth2'
import type { FastifyInstance } from 'fastify'

/**
 * What @fastify/oauth2 decorates an instance with, typed by the members of a request and a reply that it uses. They are
 * not documented: test/providers/seams.test.ts pins them.
 */
export interface PluginNamespace {
  generateAuthorizationUri: (request: object, reply: CookieWriter) => Promise<string>
  getAccessTokenFromAuthorizationCodeFlow: (request: ReplayedRequest, reply: CookieClearer) => Promise<PluginToken>
  getNewAccessTokenUsingRefreshToken: (token: { refresh_token: string }, parameters: object) => Promise<PluginToken>
}

interface CookieWriter { setCookie: (name: string, value: string) => void }
interface CookieClearer { clearCookie: () => void }
interface ReplayedRequest { query: { code: string, state: string }, cookies: Record<string, string | undefined> }
interface PluginToken { token: unknown }

/** Registers @fastify/oauth2. Rejects with an error that may quote the client secret. */
export type RegisterOAuth2 = (options: FastifyOAuth2Options) => Promise<PluginNamespace>

/**
 * Registers a provider whose endpoints or secret become known after the app has started, when Fastify takes no plugins
 * any more: on an object with the two methods that the plugin calls, and the namespaces under their names.
 */
export const registerLate: RegisterOAuth2 = async (options) => {
  const { default: { fastifyOauth2 } } = await import('@fastify/oauth2')
  const host: Record<string, unknown> = {
    hasReplyDecorator: () => true,
    decorate (name: string, namespace: PluginNamespace) { host[name] = namespace }
  }
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error) => error ? reject(error) : resolve()
    fastifyOauth2(host as Partial<FastifyInstance> as FastifyInstance, options, done)
  })
  return host[options.name] as PluginNamespace
}
