import { createClients } from '../../src/clients/clients.ts'
import { createClientRepository } from '../../src/clients/repository.ts'
import { createKeyRepository } from '../../src/keys/repository.ts'
import { createKeyService } from '../../src/keys/service.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { BY_OPERATOR, type Command } from './command.ts'

export const rotateKeys: Command = async (_args, { database, settings, say }) => {
  const keys = createKeyService({
    repository: createKeyRepository(database),
    sealer: createSealer(settings.encryptionKeys, 'signing-key'),
    algorithm: settings.signingAlgorithm,
    idTokenAlgorithms: createClients(settings.clients, createClientRepository(database)).idTokenAlgorithms,
    rotationSeconds: settings.signingKeyRotationSeconds,
    tokenSeconds: settings.accessTokenSeconds,
    sessionSeconds: settings.sessionSeconds,
    replaceUnusable: !settings.production
  })
  await keys.rotate(BY_OPERATOR)
  for (const { kid, alg, status } of await keys.list()) say(`${kid}  ${alg}  ${status}`)
  say('Running instances sign with the new key within half a minute.')
}
