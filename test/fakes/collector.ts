import { answerJson } from './answers.ts'
import { startHttpFake } from './http-fake.ts'

/** Where OTLP over HTTP has its traces, below the endpoint. */
export const TRACES_PATH = '/v1/traces'

/** The numbers of the protocol. */
export const KIND = { internal: 1, server: 2, client: 3 }
export const ERROR = 2

export interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status: { code: number, message?: string }
  events: unknown[]
  attributes: Record<string, unknown>
  /** The attributes of the process that it comes from. */
  resource: Record<string, unknown>
}

/** An OpenTelemetry collector: takes traces by OTLP over HTTP, in JSON, and decodes them. */
export async function startCollector () {
  const fake = await startHttpFake((call) =>
    call.path === TRACES_PATH && call.method === 'POST' ? answerJson({}) : undefined
  )
  const bodies = () => fake.calls(TRACES_PATH).map(({ body }) => body as Otlp)
  return {
    ...fake,
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: fake.url },
    /** All that came so far, by when it ended. */
    spans: (): Span[] =>
      bodies().flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ resource, scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) =>
            spans.map((span) => ({
              ...span,
              attributes: decode(span.attributes),
              resource: decode(resource.attributes)
            }))
          )
        )
      ),
    /** The same as it came. */
    text: () => JSON.stringify(bodies())
  }
}

interface Otlp {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: (Omit<Span, 'attributes' | 'resource'> & { attributes: Attribute[] })[] }[]
  }[]
}
interface Attribute {
  key: string
  value: Record<string, unknown>
}

function decode (attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
