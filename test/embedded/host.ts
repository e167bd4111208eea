import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, InjectOptions } from 'fastify'

const PREFIX = '/auth'

/** The URL below the prefix of examples/embedded, which it may have already. */
export function belowPrefix (url: string): string {
  return url.endsWith(PREFIX) ? url : url.replace(/\/$/, '') + PREFIX
}

/**
 * Signet's own app inside the app of examples/embedded, as a test knows it: what it has is Signet's, but it listens and
 * closes with the host, and requests that are injected go through the host.
 */
export async function startEmbedded (settings: Record<string, string>, logger: object): Promise<FastifyInstance> {
  const { buildHost } = await import('../../examples/embedded/app.ts')
  const server = { logger, pluginTimeout: 60_000, requestIdHeader: 'x-request-id' }
  const [host, apps] = await appsMadeBy<FastifyInstance>(() => buildHost(settings, server))
  const signet = apps.find((app) => app.hasDecorator('forHost'))
  const inject = host.inject.bind(host) as (options: InjectOptions) => unknown
  return Object.assign(Object.create(signet ?? null), {
    listen: host.listen.bind(host),
    close: host.close.bind(host),
    inject (options: InjectOptions | string) {
      const { url, ...others } = typeof options === 'string' ? { url: options } : options
      return inject({ ...others, url: PREFIX + String(url) })
    }
  })
}

/** What `work` returns, and the Fastify apps that were made meanwhile. */
async function appsMadeBy<Result> (work: () => Promise<Result>): Promise<[Result, FastifyInstance[]]> {
  const apps: FastifyInstance[] = []
  const add = (message: unknown) => { apps.push((message as { fastify: FastifyInstance }).fastify) }
  subscribe('fastify.initialization', add)
  try {
    return [await work(), apps]
  } finally {
    unsubscribe('fastify.initialization', add)
  }
}
