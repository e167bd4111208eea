import { type Attributes, type AttributeValue, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'

/**
 * All of a span that leaves the process, whoever made it (SEC-84). @fastify/otel has the query string in `url.path` and the message of
 * an error in an event and the status; a release of any instrumentation may add more. Names of spans are ours: routes, steps, statements.
 */
const ALLOWED = new Set([
  'http.request.method', 'http.route', 'http.response.status_code', 'url.path',
  'db.system.name', 'db.query.summary', 'error.type', 'method', 'model',
  'signet.provider', 'signet.step'
])

/** Hands spans on without what might be a secret, and says after each attempt whether they were taken. */
export function createScrubbingExporter (exporter: SpanExporter, onAttempt: (failure: Error | undefined) => void): SpanExporter {
  return {
    export (spans, done) {
      exporter.export(spans.map(scrub), (result) => {
        onAttempt(result.code === ExportResultCode.SUCCESS ? undefined : result.error ?? new Error('The spans were refused.'))
        done(result)
      })
    },
    forceFlush: async () => { await exporter.forceFlush?.() },
    shutdown: () => exporter.shutdown()
  }
}

function scrub (span: ReadableSpan): ReadableSpan {
  const attributes: Attributes = {}
  for (const [name, value] of Object.entries(span.attributes)) if (ALLOWED.has(name)) attributes[name] = name === 'url.path' ? pathOf(value) : value
  return Object.create(span, {
    attributes: { value: attributes },
    events: { value: [] },
    links: { value: [] },
    status: { value: { code: isClientsFault(span) ? SpanStatusCode.UNSET : span.status.code } }
  })
}

function pathOf (url: AttributeValue | undefined): string {
  return String(url).split('?', 1)[0] as string
}

/** A 4xx is no error of the server: OpenTelemetry's conventions for HTTP spans. */
function isClientsFault ({ kind, attributes }: ReadableSpan): boolean {
  return kind === SpanKind.SERVER && Number(attributes['http.response.status_code']) < 500
}
