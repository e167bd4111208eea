import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerJson, send, type FakeAnswer } from './answers.ts'
import { readCall, type Call } from './calls.ts'
import { play, type Fault } from './faults.ts'

/** Answers one call; `undefined` means that the fake has no such route: 404, and the call is `unexpected()`. */
export type Handler = (call: Call) => FakeAnswer | undefined | Promise<FakeAnswer | undefined>

export interface HttpFake {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  url: string
  /** The calls so far, in order, faulted ones included; with `path` only the calls of that path. */
  calls: (path?: string) => Call[]
  /** Calls that no route was there for. A test that expects none asserts that this is empty. */
  unexpected: () => Call[]
  /** Forgets the calls. Faults stay. */
  reset: () => void
  /** Misbehaves on `path` from now on, or for the next `times` calls. A second fault on a path replaces the first. */
  fault: (path: string, fault: Fault, options?: { times?: number }) => void
  /** Changes the right answers of `path` from now on: their coding, content type, ... */
  alter: (path: string, change: (answer: FakeAnswer) => FakeAnswer) => void
  /**
   * Resets a connection at its second request, unless that is for `browserPath`: as a server does that ends connections
   * after each answer without saying so. Returns how many were reset.
   */
  resetReusedConnections: (browserPath: string) => () => number
  /** Takes the fault and the change of `path` away, or all of them. A hang or a drip under way stays. */
  heal: (path?: string) => void
  /**
   * Calls whose answer is not complete and whose client has not gone: empty once a hanging or endless answer was let
   * go.
   */
  pending: () => Call[]
  /** Stops listening and cuts every socket, hanging ones too. Rejects with the fake's own error when it had one. */
  close: () => Promise<void>
}

/** A real HTTP server on a free loopback port that records every call and misbehaves on request. */
export async function startHttpFake (handler: Handler): Promise<HttpFake> {
  let calls: Call[] = []
  let unexpected: Call[] = []
  let failure: unknown
  const faults = new Map<string, { fault: Fault, left: number }>()
  const changes = new Map<string, (answer: FakeAnswer) => FakeAnswer>()
  const pending = new Set<Call>()
  let resets: { browserPath: string, used: WeakSet<Socket>, count: number } | undefined

  const server = createServer((request, response) => {
    serve(request, response).catch((error) => {
      // A client that hangs up while it is being read is no fault of the fake.
      if (request.destroyed && !request.complete) return
      failure ??= error
      response.destroy()
    })
  })
  const port = await listen(server)

  async function serve (request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (resets?.used.has(request.socket) && !request.url?.startsWith(resets.browserPath)) {
      resets.count += 1
      request.socket.resetAndDestroy()
      return
    }
    resets?.used.add(request.socket)
    const call = await readCall(request)
    calls.push(call)
    if (!response.closed) pending.add(call)
    response.once('close', () => pending.delete(call))
    const fault = takeFault(call.path)
    if (fault && fault.kind !== 'delay') return play(fault, response)
    if (fault) await sleep(fault.ms, undefined, { ref: false })
    const answer = await handler(call)
    if (!answer) unexpected.push(call)
    const change = changes.get(call.path)
    if (answer && change) return send(response, change(answer))
    send(response, answer ?? answerJson({ message: `This fake has no ${call.method} ${call.path}` }, { status: 404 }))
  }

  function takeFault (path: string): Fault | undefined {
    const entry = faults.get(path)
    if (!entry) return undefined
    entry.left -= 1
    if (entry.left <= 0) faults.delete(path)
    return entry.fault
  }

  return {
    url: `http://127.0.0.1:${port}`,
    calls: (path) => calls.filter((call) => path === undefined || call.path === path),
    unexpected: () => [...unexpected],
    reset () {
      calls = []
      unexpected = []
    },
    fault: (path, fault, { times = Infinity } = {}) => {
      faults.set(path, { fault, left: times })
    },
    alter: (path, change) => {
      changes.set(path, change)
    },
    resetReusedConnections (browserPath) {
      const counted = { browserPath, used: new WeakSet<Socket>(), count: 0 }
      resets = counted
      return () => counted.count
    },
    heal (path) {
      for (const misbehaviour of [faults, changes]) {
        if (path === undefined) misbehaviour.clear()
        else misbehaviour.delete(path)
      }
    },
    pending: () => [...pending],
    async close () {
      await shut(server)
      if (failure !== undefined) throw failure
    }
  }
}

async function listen (server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function shut (server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
