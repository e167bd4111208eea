import { SpanKind, SpanStatusCode, context, type Span, type Tracer } from '@opentelemetry/api'
import { Connection } from './connection.ts'
import { ConnectionPool } from './connection-pool.ts'
import { isGeneratedName } from './statement-names.ts'

type Callback = (error: unknown, ...results: unknown[]) => void
/** A method with the many signatures of `connect` and `query`: all take a callback last, or return a promise. */
type AnyMethod = (...args: unknown[]) => unknown

/**
 * A pool whose statements are spans. A span holds a statement's name, or its verb and table, and neither its text nor
 * its values. Waiting for a connection is a span of its own when no connection is idle.
 */
export function tracedPool (tracer: Tracer): new (connectionString: string, size: number) => ConnectionPool {
  function trace (name: string, attributes: Record<string, string>, method: AnyMethod, args: unknown[]): unknown {
    const options = { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql', ...attributes } }
    return endWith(tracer.startSpan(name, options), method, args)
  }

  class TracedClient extends Connection {
    override query: any = (...args: unknown[]) => {
      const summary = summaryOf(args[0])
      return trace(summary, { 'db.query.summary': summary }, super.query.bind(this) as AnyMethod, args)
    }
  }

  return class TracedPool extends ConnectionPool {
    constructor (connectionString: string, size: number) {
      super(connectionString, size, TracedClient)
    }

    override connect: any = (...args: unknown[]) => {
      const connect = super.connect.bind(this) as AnyMethod
      // The pool calls back from the request that releases a connection. Without this, spans would belong to that one.
      const bound = args.map((arg) => typeof arg === 'function' ? context.bind(context.active(), arg) : arg)
      return this.idleCount > 0 ? connect(...bound) : trace('wait for a connection', {}, connect, bound)
    }
  }
}

/** Calls a method and ends the span together with it. */
function endWith (span: Span, method: AnyMethod, args: unknown[]): unknown {
  function end (error?: unknown): void {
    if (error) {
      const { code = 'error' } = error as { code?: unknown }
      span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', String(code))
    }
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

interface Statement { name?: string, text: string }

/** The name that the code gave to a statement; otherwise its first word, and its table where the text shows it. */
function summaryOf (statement: unknown): string {
  const { name, text } = typeof statement === 'string' ? { text: statement } as Statement : statement as Statement
  if (name && !isGeneratedName(name)) return name
  const [verb = 'statement'] = /[A-Za-z]+/.exec(text) ?? []
  const [, table] = /\b(?:FROM|INTO|UPDATE) (?:"?\w+"?\.)?"?([a-z_]+)\b(?!\()/.exec(text) ?? []
  return table === undefined ? verb : `${verb} ${table}`
}
