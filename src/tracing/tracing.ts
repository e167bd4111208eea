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
import { createChildTracer } from './child-tracer.ts'
import { createScrubbingExporter } from './scrubbing-exporter.ts'

export interface TracingOptions {
  /** The URL of an OpenTelemetry collector. Spans go to `/v1/traces` below it, by OTLP over HTTP. */
  endpoint: string
  /** As in OTEL_EXPORTER_OTLP_HEADERS. */
  headers?: string
}

export interface Tracing {
  /** To be registered first, so that the span of a request covers all other plugins. */
  plugin: (app: FastifyInstance) => Promise<void>
  tracer: Tracer
  /** Names the current span in a log line. */
  logFields: () => object
}

/** The time limit for the last spans at shutdown. */
const FLUSH_TIMEOUT_MS = 2_000
/** Called by probes every few seconds. */
const NOT_TRACED = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * OpenTelemetry for this process: spans of requests, statements and calls to providers, exported in batches in the
 * background, so that a collector that is down or hangs costs spans and nothing else. Loads OpenTelemetry: import this
 * file only where traces are configured. It needs no module-loading hook, since each instrumentation is passed in or
 * publishes by itself (docs/adr/0014).
 */
export function startTracing ({ endpoint, headers }: TracingOptions): Tracing {
  let isExporting = true
  let onChange: (failure: Error | undefined) => void = () => {}
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`
  const otlp = new OTLPTraceExporter({ url, headers: parseKeyPairsIntoRecord(headers) })
  const exporter = createScrubbingExporter(otlp, (failure) => {
    if (isExporting !== (failure === undefined)) onChange(failure)
    isExporting = failure === undefined
  })
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'signet', 'host.name': hostname(), 'process.pid': process.pid }))
    .merge(detectResources({ detectors: [envDetector] }))
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] })
  // Not baggage, which is not used here.
  provider.register({ propagator: new W3CTraceContextPropagator() })
  const tracer = createChildTracer(provider.getTracer('signet'))

  // One span a request, named by its route. Spans of hooks would add twenty.
  const requests = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    ignorePaths: ({ url }) => NOT_TRACED.has(url.split('?', 1)[0] as string),
    requestHook (span, { method, routeOptions }) {
      span.updateName(`${method} ${routeOptions.url ?? ''}`.trimEnd())
    }
  })
  requests.setTracerProvider(provider)
  // The pool below Prisma has spans of its statements.
  const prisma = new PrismaInstrumentation({ enabled: false, ignoreSpanTypes: ['prisma:client:db_query'] })
  prisma.setTracerProvider({ getTracer: () => tracer })
  prisma.enable()
  const unsubscribe = onProviderCall(({ provider, step, startedAt, endedAt, status, error }) => {
    const attributes = {
      'signet.provider': provider,
      'signet.step': step,
      ...status !== undefined && { 'http.response.status_code': status }
    }
    const span = tracer.startSpan(`${provider}: ${step}`, { kind: SpanKind.CLIENT, startTime: startedAt, attributes })
    const failure = error === undefined ? status !== undefined && status >= 400 && String(status) : codeOf(error)
    if (failure) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', failure)
    span.end(endedAt)
  })

  async function stop (): Promise<void> {
    unsubscribe()
    await Promise.race([provider.shutdown().catch(() => {}), sleep(FLUSH_TIMEOUT_MS, undefined, { ref: false })])
    prisma.disable()
    for (const api of [trace, context, propagation]) api.disable()
  }

  return {
    tracer,
    plugin: fp(async (app: FastifyInstance) => {
      onChange = (failure) => {
        if (failure) app.log.warn({ err: failure }, 'the collector accepts no traces: spans are lost')
        else app.log.info('the collector accepts traces again')
      }
      // The first registered plugin closes last, after all spans have ended.
      app.addHook('onClose', stop)
      await app.register(requests.plugin())
    }, { name: 'tracing' }),

    logFields () {
      const span = trace.getActiveSpan()?.spanContext()
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {}
    }
  }
}

/** The code of a Problem, otherwise the name of the class; never a message. */
function codeOf (error: unknown): string {
  const { code, name } = error as { code?: unknown, name?: unknown }
  return String(code ?? name)
}
