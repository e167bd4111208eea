import type { FastifyRequest } from 'fastify'
import type { ProblemCode } from '../http/problem-catalogue.ts'
import type { ErrorPage } from '../pages/error-page.ts'
import type { Providers } from '../providers/registry.ts'

/** Errors after which the same sign-in may succeed. */
const TEMPORARY: ProblemCode[] = [
  'access_denied', 'rate_limited', 'provider_error', 'provider_timeout', 'service_unavailable', 'internal_error'
]

/** Errors that another way to sign in does not cure. */
const NOT_BY_ANOTHER_WAY: ProblemCode[] = [
  'invalid_return_to', 'invalid_request', 'validation_failed', 'rate_limited', 'service_unavailable'
]

/** The error pages of a sign-in: to try again where that may help, or to choose another way. */
export function signInErrorPage (issuerUrl: string, providers: Providers): ErrorPage {
  const providerOf = ({ params }: FastifyRequest) => {
    const { provider } = params as { provider?: string }
    return provider === undefined ? undefined : providers.get(provider)
  }

  return {
    provider: (request) => providerOf(request)?.name,

    nextSteps ({ common }, { code }, request) {
      const provider = providerOf(request)
      const isCallback = request.routeOptions.url?.endsWith('/callback')
      // What a provider answered is spent, but for a failure of ours: it may be presented again.
      const isSpent = isCallback && (request.method !== 'GET' || code !== 'service_unavailable')
      const again = isSpent && provider ? `/login/${provider.id}` : request.url
      const query = isCallback ? '' : new URL(request.url, issuerUrl).search
      const steps = []
      if (TEMPORARY.includes(code)) steps.push({ href: issuerUrl + again, text: common.tryAgain })
      if (NOT_BY_ANOTHER_WAY.includes(code)) return steps
      steps.push({
        href: `${issuerUrl}/login${query}`,
        text: code === 'invalid_state' ? common.tryAgain : common.chooseAnotherWay
      })
      return steps
    }
  }
}
