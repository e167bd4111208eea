// Fastify and one route: what no Fastify service can start faster than.
import Fastify from 'fastify'

const app = Fastify()
app.get('/ready', async () => ({ status: 'ok' }))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
