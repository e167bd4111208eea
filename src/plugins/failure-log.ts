import fp from 'fastify-plugin'
import { logFailure } from '../http/log-failure.ts'

/** Every response with an error status leaves a line in the log, also one that no error handler has sent. */
export const failureLog = fp(async (app) => {
  app.addHook('onResponse', (request, { statusCode: status }, done) => {
    if (status >= 400) logFailure(request, { status })
    done()
  })
}, { name: 'failure-log' })
