import Fastify, { type FastifyServerOptions } from 'fastify'
import { signet, type SignetOptions } from 'signet-server'

const SERVER: FastifyServerOptions = { logger: true, pluginTimeout: 60_000 }

/** Your own app, with Signet below /auth. */
export async function buildHost (settings: SignetOptions['settings'], server = SERVER) {
  const app = Fastify(server)
  await app.register(signet, { prefix: '/auth', settings })

  app.get('/', async () => ({ signIn: `${app.signet.issuerUrl}/login` }))

  app.get('/notes', { onRequest: app.signet.requireBearer }, async (request) => {
    const { sub } = app.signet.claims(request)
    const owner = await app.signet.users.find(sub)
    return { owner: owner?.name, notes: [] }
  })

  return app
}

if (process.argv[1] === import.meta.filename) {
  const app = await buildHost(process.env)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
  await app.listen({ port: Number(process.env['PORT'] ?? 3000) })
}
