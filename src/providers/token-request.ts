import type { IncomingMessage } from 'node:http'
import { Problem } from '../http/errors.ts'
import { member } from './claims.ts'
import { AnswerTooLarge, withinLimits, type AnswerHead, type CallPurpose } from './http.ts'

/** The answer to a token request; `value` is undefined where it is not JSON. */
export interface TokenAnswer extends AnswerHead { value: unknown }

/**
 * Runs a request of @fastify/oauth2. Any answer is returned, since the plugin takes only some of them for tokens; throws
 * a Problem where there is none. What the plugin throws ends here and is never logged: the errors of @hapi/wreck hold the
 * Authorization header and the body, those of Joi quote the client secret.
 */
export async function requestTokens (purpose: CallPurpose, work: () => Promise<{ token: unknown }>): Promise<TokenAnswer> {
  return await withinLimits(purpose, async (exchange) => {
    const value = await work().then(({ token }) => token, (error) => readAnswer(error, exchange.response))
    const { statusCode = 0, headers = {} } = exchange.response ?? {}
    return { status: statusCode, headers, value }
  })
}

/** The JSON of an answer that the plugin rejected. Throws where there is no answer, or not all of it. */
function readAnswer (error: unknown, response: IncomingMessage | undefined): unknown {
  const data = member(error, 'data')
  const payload = member(data, 'payload')
  if (error instanceof Problem) throw error
  if (member(data, 'isResponseError') === true) return payload
  // wreck ends an answer that is too large without an error.
  const isTooLarge = member(member(error, 'output'), 'statusCode') === 413
  if (isTooLarge || (response?.complete === false && response.errored === null)) throw new AnswerTooLarge()
  if (response?.errored) throw response.errored
  // JSON that is no object, such as null.
  if (error instanceof TypeError || member(error, 'code') === 'ERR_ASSERTION') return null
  if (Buffer.isBuffer(payload)) return undefined
  throw data ?? error
}
