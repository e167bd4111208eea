import { SpanKind, SpanStatusCode, context, type Span, type Tracer } from '@opentelemetry/api'
import { Connection } from './connection.ts'
import { ConnectionPool } from './connection-pool.ts'

type Callback = (error: unknown, ...results: unknown[]) => void
/** `connect` and `query` have many signatures. All end by a callback, or return a promise. */
type AnyMethod = (...args: unknown[]) => unknown

/**
 * A pool whose statements are spans. A statement is told by its name, or by its verb and table: neither its text nor its values are in
 * a span. Waiting for a connection is a span where there is something to wait for.
 */
export function tracedPool (tracer: Tracer): new (connectionString: string, size: number) => ConnectionPool {
  const within = (name: string, attributes: Record<string, string>, method: AnyMethod, args: unknown[]) => {
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql', ...attributes } })
    return untilEnd(span, method, args)
  }

  class TracedClient extends Connection {
    override query: any = (...args: unknown[]) => {
      const summary = summaryOf(args[0])
      return within(summary, { 'db.query.summary': summary }, super.query.bind(this) as AnyMethod, args)
    }
  }

  return class TracedPool extends ConnectionPool {
    constructor (connectionString: string, size: number) {
      super(connectionString, size, TracedClient)
    }

    override connect: any = (...args: unknown[]) => {
      const connect = super.connect.bind(this) as AnyMethod
      // The pool calls whoever waits out of the request that gives a connection back: without this its statements would be that one's.
      const bound = args.map((arg) => typeof arg === 'function' ? context.bind(context.active(), arg) : arg)
      return this.idleCount > 0 ? connect(...bound) : within('wait for a connection', {}, connect, bound)
    }
  }
}

function untilEnd (span: Span, method: AnyMethod, args: unknown[]): unknown {
  const end = (error?: unknown) => {
    if (error) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', String((error as { code?: unknown }).code ?? 'error'))
    span.end()
  }
  const callback = args.at(-1)
  if (typeof callback === 'function') {
    return method(...args.slice(0, -1), (error: unknown, ...results: unknown[]) => {
      end(error);
      (callback as Callback)(error, ...results)
    })
  }
  const result = method(...args) as Promise<unknown>
  result.then(() => end(), end)
  return result
}

/** The name of a prepared statement; otherwise its first word, and its table where it can be told. */
function summaryOf (statement: unknown): string {
  const { name, text } = typeof statement === 'string' ? { name: undefined, text: statement } : statement as { name?: string, text: string }
  if (name !== undefined) return name
  const [verb = 'statement'] = /[A-Za-z]+/.exec(text) ?? []
  const [, table] = /\b(?:FROM|INTO|UPDATE) (?:"?\w+"?\.)?"?([a-z_]+)\b(?!\()/.exec(text) ?? []
  return table === undefined ? verb : `${verb} ${table}`
}
