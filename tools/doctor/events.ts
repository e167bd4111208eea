import { createEventReceivers } from '../../src/provider-events/receivers.ts'
import { member } from '../../src/providers/claims.ts'
import { BUILT_IN_PROVIDERS, type Providers } from '../../src/providers/registry.ts'
import type { Settings } from '../../src/settings.ts'
import { ok, warning, type Finding } from './finding.ts'

const TIMEOUT_MS = 5_000
/** What Signet says of an empty event, and of many. */
const TAKEN: unknown[] = ['invalid_event', 'rate_limited']

/** The URLs that the enabled providers send events to. Signet refuses an empty event; anything else is not Signet. */
export async function examineEvents (
  { issuerUrl, providers: settings }: Pick<Settings, 'issuerUrl' | 'providers'>, providers: Providers
): Promise<Finding[]> {
  const receivers = createEventReceivers(settings, providers)
  return await Promise.all(receivers.map(async ({ path, contentTypes: [type = ''] }) => {
    const [, , id, kind] = path.split('/')
    const check = `${id}, ${kind}`
    const url = issuerUrl + path
    const answer = await fetch(url, {
      method: 'POST', headers: { 'content-type': type }, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual'
    }).catch(() => undefined)
    const problem: unknown = await answer?.json().catch(() => undefined)
    if (!TAKEN.includes(member(problem, 'code'))) {
      const found = answer ? `takes no events (HTTP ${answer.status})` : 'does not answer'
      return warning(check, `${url} ${found}`,
        'Let a POST reach Signet there, and start it with the settings of this provider: events are lost meanwhile.')
    }
    const where = BUILT_IN_PROVIDERS.flatMap(({ events = [] }) => events).find((one) => one.path === path)?.where
    return ok(check, where === undefined ? `it is taken at ${url}` : `${url}, entered at ${where}`)
  }))
}
