import type { FastifyBaseLogger } from 'fastify'
import type { Profile, ProviderSettings } from '../providers/provider.ts'

/**
 * Says once for each provider of the settings that its people get no email, when the first of them comes with one: the
 * operator has not said that its word on email is to be believed.
 */
export function createUntrustedEmailNotice (
  providers: readonly Pick<ProviderSettings, 'id' | 'kind' | 'emailTrusted'>[], log: Pick<FastifyBaseLogger, 'warn'>
): (profile: Pick<Profile, 'provider' | 'email'>) => void {
  const untold = new Map(providers
    .filter(({ kind, emailTrusted }) => kind !== 'built-in' && !emailTrusted)
    .map(({ id, kind }) => [id, `${kind}_${id}_EMAIL_TRUSTED`.toUpperCase().replaceAll('-', '_')]))

  return ({ provider, email }) => {
    const setting = untold.get(provider)
    if (setting === undefined || email === null) return
    untold.delete(provider)
    const advice = 'set it where this provider verifies emails'
    log.warn({ provider, setting }, `people of ${provider} get no email here, since ${setting} is not true: ${advice}`)
  }
}
