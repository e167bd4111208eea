import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { clientAddress } from '../http/client-address.ts'
import { Problem } from '../http/errors.ts'
import { PROBLEMS, type ProblemCode } from '../http/problem-catalogue.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** The API, called in this process for the person who visits a page. Each call throws `RefusedByApi` for a problem. */
export interface Api {
  get: <Body>(path: string) => Promise<Body>
  send: <Body>(method: Exclude<Method, 'GET'>, path: string, body?: object) => Promise<Body>
  /** A response of any length. `end` stops the route that writes it. */
  stream: (path: string) => Promise<{ headers: Record<string, string>, content: Readable, end: () => void }>
}

/** A problem that the API answered with. */
export class RefusedByApi extends Problem {
  /** The members of the body that are not valid. */
  readonly fields: string[]

  constructor (body: { code: string, detail: string, errors?: { path: string }[] }, retryAfter?: string) {
    const code = (Object.hasOwn(PROBLEMS, body.code) ? body.code : 'internal_error') as ProblemCode
    super(code, body.detail, { headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } })
    this.fields = (body.errors ?? []).map(({ path }) => /^body\/(\w+)/.exec(path)?.[1] ?? '')
  }
}

/**
 * The API as the person of `accessToken` has it. The routes see the person's own address and user agent, so that limits
 * and audit events are as if the person had called them. The token never leaves this process.
 */
export function createApi (app: FastifyInstance, request: FastifyRequest, accessToken: string): Api {
  const common = {
    remoteAddress: clientAddress(request),
    headers: {
      accept: 'application/json',
      authorization: `Bearer ${accessToken}`,
      'user-agent': request.headers['user-agent'],
      'x-request-id': request.id
    }
  }

  async function call<Body> (method: Method, path: string, body?: object): Promise<Body> {
    const response = await app.inject({ ...common, method, url: path, ...body && { payload: body } })
    if (response.statusCode >= 400) throw new RefusedByApi(response.json(), response.headers['retry-after'] as string)
    return response.statusCode === 204 ? undefined as Body : response.json<Body>()
  }

  return {
    get: (path) => call('GET', path),
    send: call,

    async stream (path) {
      const response = await app.inject({ ...common, method: 'GET', url: path, payloadAsStream: true })
      const content = response.stream()
      if (response.statusCode >= 400) {
        const chunks = await content.toArray()
        throw new RefusedByApi(JSON.parse(Buffer.concat(chunks).toString()), response.headers['retry-after'] as string)
      }
      const headers = response.headers as Record<string, string>
      return { headers, content, end: () => { response.raw.res.destroy() } }
    }
  }
}
