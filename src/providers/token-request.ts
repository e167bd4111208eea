import type { IncomingMessage } from 'node:http'
import { Problem } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'
import { AnswerTooLarge, withinLimits, type AnswerHead, type CallPurpose } from './http.ts'

/** The answer to a token request; `value` is undefined where it is not JSON. */
export interface TokenAnswer extends AnswerHead { value: unknown }

/**
 * Runs a token request of @fastify/oauth2 and returns its answer, also one that the plugin rejects. Throws a Problem
 * where there is no answer. Errors of the plugin end here, and are never logged or chained: those of @hapi/wreck hold
 * the Authorization header, those of Joi quote the client secret.
 */
export async function requestTokens (
  purpose: CallPurpose, work: () => Promise<{ token: unknown }>
): Promise<TokenAnswer> {
  return await withinLimits(purpose, async (exchange) => {
    const value = await work().then(({ token }) => token, (error) => readAnswer(error, exchange.response))
    const { statusCode = 0, headers = {} } = exchange.response ?? {}
    return { status: statusCode, headers, value }
  })
}

/** The JSON of an answer that the plugin rejected. Throws where the answer is missing or incomplete. */
function readAnswer (error: unknown, response: IncomingMessage | undefined): unknown {
  if (error instanceof Problem) throw error
  const data = member(error, 'data')
  const payload = member(data, 'payload')
  // An error without data is one of the plugin's own: it fails on JSON that is no object.
  if (data === undefined && response?.complete) return null
  if (member(data, 'isResponseError') === true) return payload
  if (Buffer.isBuffer(payload)) return readAfterByteOrderMark(payload)
  // wreck ends an answer that is too large without an error, or refuses what came out of the decoder.
  const isTooLarge = member(member(error, 'output'), 'statusCode') === 413
  if (isTooLarge || (response?.complete === false && response.errored === null)) throw new AnswerTooLarge()
  throw response?.errored ?? (data instanceof Error ? data : error)
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** The JSON behind a byte-order mark, which wreck does not skip. Undefined for what is no JSON for another reason. */
function readAfterByteOrderMark (payload: Buffer): unknown {
  const [mark, json] = [payload.subarray(0, BYTE_ORDER_MARK.length), payload.subarray(BYTE_ORDER_MARK.length)]
  return mark.equals(BYTE_ORDER_MARK) ? parseJson(json.toString()) : undefined
}
