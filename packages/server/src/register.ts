import { join } from 'node:path'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { loadSilently } from './load-silently.ts'
import type { SignetOptions } from './types.ts'

/** Builds Signet on an app of its own, mounts that below `prefix`, and closes it with the host. */
const mountSignet: FastifyPluginAsync<SignetOptions> = async (host, options) => {
  const { prefix, settings: variables, dataFolder = join(process.cwd(), '.data') } = options
  const { buildApp, createSignet, mount, prepare, readHostSettings, serializers } = await loadSilently()
  const settings = readHostSettings(host, prefix, variables)
  const log = host.log.child({ component: 'signet' }, { serializers })
  for (const warning of settings.warnings) log.warn(warning)
  if (settings.traces) log.warn('Signet sends no traces of its own inside another app')
  const onProgress = (line: string) => log.info(line)
  const { app, stop } = await prepare(settings, { dataFolder, onProgress }, async (complete, migrated) => {
    const app = await buildApp(complete, undefined, migrated, { log, requestId: mount.requestId })
    await app.ready()
    return app
  })
  mount(host, app, prefix)
  host.decorate('signet', await createSignet(app, settings.issuerUrl))
  endWith(host, app, stop)
}

export const register = fp(mountSignet, { name: 'signet', fastify: '5.x' })

/** Jobs run while the host listens. What the host still answers may need the database, so that is closed last. */
function endWith (host: FastifyInstance, app: FastifyInstance, stop: () => Promise<void>): void {
  host.addHook('onListen', async () => app.jobs.start())
  host.addHook('preClose', async () => app.shutdown.begin())
  host.addHook('onClose', async () => {
    await app.close()
    await stop()
  })
}
