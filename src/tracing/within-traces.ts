import { INVALID_SPAN_CONTEXT, context, trace, type Span, type Tracer } from '@opentelemetry/api'

/** A tracer that adds to traces and begins none: what goes on in the background, every minute, is nobody's request. */
export function withinTraces (tracer: Tracer): Tracer {
  const none = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  return {
    startSpan: (name, options, parent = context.active()) => trace.getSpan(parent) ? tracer.startSpan(name, options, parent) : none,

    startActiveSpan (name: string, ...rest: unknown[]) {
      const work = rest.at(-1) as (span: Span) => unknown
      const start = tracer.startActiveSpan.bind(tracer, name) as (...rest: unknown[]) => unknown
      return trace.getActiveSpan() ? start(...rest) : work(none)
    }
  } as Tracer
}
