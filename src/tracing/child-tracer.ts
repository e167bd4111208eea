import { INVALID_SPAN_CONTEXT, context, trace, type Span, type Tracer } from '@opentelemetry/api'

/**
 * A tracer that adds spans to traces and starts none, so that background work, which repeats every minute, has no
 * spans.
 */
export function createChildTracer (tracer: Tracer): Tracer {
  const noSpan = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  return {
    startSpan: (name, options, parent = context.active()) =>
      trace.getSpan(parent) ? tracer.startSpan(name, options, parent) : noSpan,

    startActiveSpan (name: string, ...rest: unknown[]) {
      const work = rest.at(-1) as (span: Span) => unknown
      const start = tracer.startActiveSpan.bind(tracer, name) as (...rest: unknown[]) => unknown
      return trace.getActiveSpan() ? start(...rest) : work(noSpan)
    }
  } as Tracer
}
