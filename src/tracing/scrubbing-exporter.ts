import { type Attributes, type AttributeValue, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'

/**
 * The attributes that may leave the process (SEC-84). @fastify/otel puts the query string into `url.path` and the
 * message of an error into an event and the status, and any instrumentation may add more in a later release. Span names
 * are ours: routes, steps and statements.
 */
const ALLOWED = new Set([
  'http.request.method', 'http.route', 'http.response.status_code', 'url.path',
  'db.system.name', 'db.query.summary', 'error.type', 'method', 'model',
  'signet.provider', 'signet.step'
])

/** Exports spans without what may be a secret, and reports the outcome of each attempt. */
export function createScrubbingExporter (
  exporter: SpanExporter, onAttempt: (failure: Error | undefined) => void
): SpanExporter {
  return {
    export (spans, done) {
      exporter.export(spans.map(scrub), (result) => {
        const isSuccess = result.code === ExportResultCode.SUCCESS
        onAttempt(isSuccess ? undefined : result.error ?? new Error('The spans were refused.'))
        done(result)
      })
    },
    forceFlush: async () => { await exporter.forceFlush?.() },
    shutdown: () => exporter.shutdown()
  }
}

function scrub (span: ReadableSpan): ReadableSpan {
  const attributes: Attributes = {}
  for (const [name, value] of Object.entries(span.attributes)) {
    if (ALLOWED.has(name)) attributes[name] = name === 'url.path' ? withoutQuery(value) : value
  }
  return Object.create(span, {
    attributes: { value: attributes },
    events: { value: [] },
    links: { value: [] },
    status: { value: { code: isClientError(span) ? SpanStatusCode.UNSET : span.status.code } }
  })
}

function withoutQuery (url: AttributeValue | undefined): string {
  return String(url).split('?', 1)[0] as string
}

/** A 4xx is no error of the server (OpenTelemetry's conventions for HTTP spans). */
function isClientError ({ kind, attributes }: ReadableSpan): boolean {
  return kind === SpanKind.SERVER && Number(attributes['http.response.status_code']) < 500
}
