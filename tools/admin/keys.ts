import { createKeyRepository } from '../../src/keys/repository.ts'
import { createKeyService } from '../../src/keys/service.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { BY_OPERATOR, type Command } from './command.ts'

export const rotateKeys: Command = async (_args, { database, settings, say }) => {
  const keys = createKeyService({
    repository: createKeyRepository(database),
    sealer: createSealer(settings.encryptionKeys, 'signing-key'),
    algorithm: settings.signingAlgorithm,
    rotationSeconds: settings.signingKeyRotationSeconds,
    tokenSeconds: settings.accessTokenSeconds,
    sessionSeconds: settings.sessionSeconds,
    replaceUnusable: !settings.production
  })
  await keys.rotate(BY_OPERATOR)
  for (const { kid, status } of await keys.list()) say(`${kid}  ${status}`)
  say('Running instances sign with the new key within half a minute.')
}
