import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** 42P04 duplicate_database, 23505 unique_violation: another process has just created it. */
const ALREADY_CREATED = ['42P04', '23505']

/** Creates a database unless it exists. */
export async function createDatabase (adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (rowCount !== 0) return
    await client.query(`CREATE DATABASE "${name}"`).catch((error: { code?: string }) => {
      if (!ALREADY_CREATED.includes(error.code ?? '')) throw error
    })
  })
}

/** True while another client is connected, for a second at most: closed connections stay visible for a moment. */
export async function isInUse (adminUrl: string): Promise<boolean> {
  const others = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
  return await withClient(adminUrl, async (client) => {
    for (let attempt = 0; attempt < 20; attempt++) {
      if ((await client.query(others)).rowCount === 0) return false
      await sleep(50)
    }
    return true
  }).catch(() => false)
}

async function withClient<Result> (url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
