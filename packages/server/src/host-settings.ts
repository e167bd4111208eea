import type { FastifyInstance } from 'fastify'
import { pathOf } from '../../../src/http/issuer-path.ts'
import { readSettings, SettingsError, type Settings } from '../../../src/settings.ts'
import type { SignetOptions } from './types.ts'

const PREFIX = /^(?:\/[\w.~-]+)+$/

/**
 * The settings, as `npm start` reads them from the environment. Throws a SettingsError, too where `prefix` is no path
 * or not the one of ISSUER_URL, and where Signet would not stand at the host's root.
 */
export function readHostSettings (
  host: Pick<FastifyInstance, 'prefix'>, prefix: string, variables: SignetOptions['settings']
): Settings {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw new SettingsError(['prefix must be a path without a slash at its end, such as "/auth"'])
  }
  if (host.prefix !== '') {
    throw new SettingsError([`signet must be registered on the app itself, and not below "${host.prefix}": ` +
      'its documents at /.well-known stand at the root'])
  }
  const { PORT = '3000', ISSUER_URL, NODE_ENV } = variables
  const issuerUrl = ISSUER_URL ?? (NODE_ENV === 'production' ? undefined : `http://localhost:${PORT}${prefix}`)
  const settings = readSettings({ ...variables, ...issuerUrl === undefined ? {} : { ISSUER_URL: issuerUrl } })
  if (pathOf(settings.issuerUrl) !== prefix) {
    throw new SettingsError([`ISSUER_URL must end with the prefix: https://example.com${prefix}`])
  }
  return settings
}
