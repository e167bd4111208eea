import { hostname } from 'node:os'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import { SpanKind, SpanStatusCode, context, propagation, trace, type Tracer } from '@opentelemetry/api'
import { W3CTraceContextPropagator, parseKeyPairsIntoRecord } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { PrismaInstrumentation } from '@prisma/instrumentation'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { onProviderCall } from '../providers/call-times.ts'
import { createScrubbingExporter } from './scrubbing-exporter.ts'
import { withinTraces } from './within-traces.ts'

export interface TracingOptions {
  /** Of an OpenTelemetry collector, by OTLP over HTTP: spans go to `/v1/traces` below it. */
  endpoint: string
  /** As in OTEL_EXPORTER_OTLP_HEADERS. */
  headers?: string
}

export interface Tracing {
  /** Registered first: a request's span covers all that comes after. */
  plugin: (app: FastifyInstance) => Promise<void>
  tracer: Tracer
  /** What a log line says of the span that it was written in. */
  logFields: () => object
}

/** How long the end of the process waits for a collector to take the last spans. */
const FLUSH_MS = 2_000
/** Asked every few seconds, and nobody's request. */
const NOT_TRACED = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * OpenTelemetry for this process: requests, statements and calls to providers as spans, sent in batches beside the requests, so that a
 * collector that is down or hangs costs spans and nothing else. Loads OpenTelemetry, so it is imported only where traces are wanted.
 * It needs no hook on the loading of modules: each of them is told of, or tells by itself (docs/adr/0014).
 */
export function startTracing ({ endpoint, headers }: TracingOptions): Tracing {
  let isTaken = true
  let onChange: (failure: Error | undefined) => void = () => {}
  const exporter = createScrubbingExporter(
    new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces`, headers: parseKeyPairsIntoRecord(headers) }),
    (failure) => {
      if (isTaken !== (failure === undefined)) onChange(failure)
      isTaken = failure === undefined
    }
  )
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'signet', 'host.name': hostname(), 'process.pid': process.pid }))
    .merge(detectResources({ detectors: [envDetector] }))
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] })
  // Not baggage: it is the caller's, and of no use here.
  provider.register({ propagator: new W3CTraceContextPropagator() })
  const tracer = withinTraces(provider.getTracer('signet'))

  // One span a request, named by its route. A span for each hook would be twenty more.
  const requests = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    ignorePaths: ({ url }) => NOT_TRACED.has(url.split('?', 1)[0] as string),
    requestHook: (span, { method, routeOptions }) => { span.updateName(`${method} ${routeOptions.url ?? ''}`.trimEnd()) }
  })
  requests.setTracerProvider(provider)
  // Prisma's statements are those of the pool below it, which has spans for them.
  const prisma = new PrismaInstrumentation({ enabled: false, ignoreSpanTypes: ['prisma:client:db_query'] })
  prisma.setTracerProvider({ getTracer: () => tracer })
  prisma.enable()
  const stopHearing = onProviderCall(({ provider, step, startedAt, endedAt, status, error }) => {
    const attributes = { 'signet.provider': provider, 'signet.step': step, ...status === undefined ? {} : { 'http.response.status_code': status } }
    const span = tracer.startSpan(`${provider}: ${step}`, { kind: SpanKind.CLIENT, startTime: startedAt, attributes })
    const failure = error === undefined ? status !== undefined && status >= 400 && String(status) : codeOf(error)
    if (failure) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', failure)
    span.end(endedAt)
  })

  async function stop (): Promise<void> {
    stopHearing()
    await Promise.race([provider.shutdown().catch(() => {}), sleep(FLUSH_MS, undefined, { ref: false })])
    prisma.disable()
    for (const api of [trace, context, propagation]) api.disable()
  }

  return {
    tracer,
    plugin: fp(async (app: FastifyInstance) => {
      onChange = (failure) => {
        if (failure) app.log.warn({ err: failure }, 'the collector does not take traces: spans are lost')
        else app.log.info('the collector takes traces again')
      }
      // What is registered first is closed last: no span comes after.
      app.addHook('onClose', stop)
      await app.register(requests.plugin())
    }, { name: 'tracing' }),

    logFields () {
      const span = trace.getActiveSpan()?.spanContext()
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {}
    }
  }
}

/** The code of a problem, a class otherwise: never a message. */
function codeOf (error: unknown): string {
  const { code, name } = error as { code?: unknown, name?: unknown }
  return String(code ?? name)
}
