/** What TOKEN_CLAIMS and RESOURCES cost at a check and a refresh: Signet with them, without, and the limit. */
import pg from 'pg'
import { limitClient, signetClient } from './compare/clients.ts'
import { withEnvironment } from './compare/environment.ts'
import { FULL, SHORT } from './compare/extent.ts'
import { median } from './compare/figures.ts'
import { measureOperations } from './compare/operations.ts'
import { registeredClient, startsOf } from './compare/servers.ts'

/** What Hasura reads, a claim of the operator's own data, and an API. */
const SETTINGS = {
  TOKEN_CLAIMS: JSON.stringify({
    'https://hasura.io/jwt/claims': {
      'x-hasura-user-id': '{user.id}', 'x-hasura-allowed-roles': '{user.roles}', 'x-hasura-default-role': 'user'
    },
    tenant: '{user.metadata.tenant}'
  }),
  RESOURCES: JSON.stringify([{ resource: 'https://api.example.com', name: 'Notes', scopes: ['notes:read'] }])
}

export async function measureClaims ({ isShort }: { isShort: boolean }): Promise<void> {
  await withEnvironment(async ({ folder, databaseUrl, stubUrl, startServer }) => {
    const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    const startOf = startsOf({ databaseUrl, stubUrl, folder })
    const signet = startOf('signet')
    const withSettings = { ...signet, env: { ...signet.env, ...SETTINGS } }
    const starts = { limit: startOf('limit'), without: signet, with: withSettings }
    const subjects = Object.entries(starts).map(([name, start]) => ({
      name,
      async launch () {
        const server = await startServer(start)
        const { url } = server
        return { server, client: name === 'limit' ? limitClient(url) : signetClient([url], sql, registeredClient) }
      }
    }))
    const { operations } = await measureOperations(subjects, isShort ? SHORT : FULL)
    await sql.end()
    for (const [name, costs] of Object.entries(operations)) {
      const ratio = (one: string, other: string) =>
        median((costs[one]?.cpuMs ?? []).map((ms, round) => ms / (costs[other]?.cpuMs[round] ?? NaN))).toFixed(2)
      console.log(`${name}: CPU with the settings ${ratio('with', 'without')} of that without`)
      if (costs['limit'] === undefined) continue
      console.log(`${name}: of the limit ${ratio('with', 'limit')} with, ${ratio('without', 'limit')} without`)
    }
  })
}
