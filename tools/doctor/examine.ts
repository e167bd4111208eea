import { useForwardProxy } from '../../src/http/forward-proxy.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings, SettingsError } from '../../src/settings.ts'
import { examineEvents } from './events.ts'
import { error, ok, warning, type Finding } from './finding.ts'
import { examineProvider } from './providers.ts'
import { examineProxy } from './proxy.ts'
import { examineRedis } from './redis.ts'
import { examineDatabase, examinePublicUrl } from './surroundings.ts'

const CORRECT = 'Correct it in .env or in the environment; .env.example explains each setting.'

/** Looks at all that a login needs, as the environment has it. */
export async function examine (environment: Record<string, string | undefined>): Promise<Finding[]> {
  let settings
  try {
    settings = readSettings(environment)
  } catch (failure) {
    if (!(failure instanceof SettingsError)) throw failure
    return failure.mistakes.map((mistake) =>
      error('settings', mistake, CORRECT)
    )
  }
  useForwardProxy(settings)
  const { issuerUrl } = settings
  const providers = createProviders(settings.providers)
  const ofProviders = settings.providers.map(async (one) => {
    const provider = providers.get(one.id)
    return provider ? await examineProvider(provider, one, issuerUrl) : []
  })
  const none = error(
    'providers',
    'none is enabled',
    'Put the client id and secret of one into .env; docs/providers.md says where to get them.'
  )
  return [
    ok('settings', 'they can be read'),
    ...settings.warnings.map((message) => warning('settings', message, CORRECT)),
    ...(await examineDatabase(settings)),
    ...(await examineRedis(settings)),
    ...(await examinePublicUrl(settings)),
    ...(await examineProxy(settings)),
    ...(settings.providers.length === 0 ? [none] : (await Promise.all(ofProviders)).flat()),
    ...(await examineEvents(settings, providers))
  ]
}
