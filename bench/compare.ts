/**
 * What Signet costs beside the least that the same work could cost, and beside its peers: one run, one machine, in
 * alternating rounds. Ratios are formed within a round, and their median counts. The CPU time of the servers comes
 * from /proc (Linux). All traffic is on loopback.
 */
import pg from 'pg'
import * as clients from './compare/clients.ts'
import { withEnvironment } from './compare/environment.ts'
import { FULL, SHORT } from './compare/extent.ts'
import type { Figures } from './compare/figures.ts'
import { measureFootprints } from './compare/footprint.ts'
import { measureLogins } from './compare/logins.ts'
import { machine, today, versions } from './compare/machine.ts'
import { measureOperations } from './compare/operations.ts'
import { hasFlask, installPeers } from './compare/peers.ts'
import type { Subject } from './compare/sample.ts'
import { registeredClient, startsOf } from './compare/servers.ts'
import { measureStarts } from './compare/starts.ts'

export async function compare ({ isShort }: { isShort: boolean }): Promise<Figures> {
  const extent = isShort ? SHORT : FULL
  installPeers()
  const flask = hasFlask() ? ['flask-authlib'] : []
  const names = ['bare', 'limit', 'signet', 'passport', 'better-auth', ...flask]
  return await withEnvironment(async ({ folder, databaseUrl, stubUrl, startServer }) => {
    const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    const clientOf: Record<string, (url: string) => clients.Client> = {
      limit: clients.limitClient,
      signet: (url) => clients.signetClient([url], sql, registeredClient),
      passport: clients.passportClient,
      'better-auth': clients.betterAuthClient,
      'flask-authlib': clients.flaskClient
    }
    const startOf = startsOf({ databaseUrl, stubUrl, folder })
    const subjects = (...chosen: string[]): Subject[] => Object.entries(clientOf)
      .filter(([name]) => chosen.includes(name))
      .map(([name, client]) => ({
        name,
        async launch () {
          const server = await startServer(startOf(name))
          return { server, client: client(server.url) }
        }
      }))

    console.log('Installing each as for production, to see what that takes ...')
    const footprint = await measureFootprints(folder)
    const { starts, idleMemory } = await measureStarts(names.map((name) => [name, startOf(name)]), startServer, extent)
    const logins = {
      oauth: await measureLogins('oauth', subjects('signet', 'passport', 'better-auth', ...flask), extent),
      openid: await measureLogins('openid', subjects('signet', 'passport', 'better-auth'), extent)
    }
    const { operations, loadedMemory } = await measureOperations(subjects(...names), extent)
    await sql.end()
    return {
      measuredOn: today(),
      machine: machine(),
      versions: versions(names),
      isShort,
      rounds: extent.rounds,
      logins,
      operations,
      starts,
      idleMemory,
      loadedMemory,
      footprint
    }
  })
}
