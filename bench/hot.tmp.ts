import '../src/quiet-debug.ts'
import pg from 'pg'
import { limitClient, perform, signetClient, cookieClient, betterAuthClient } from './compare/clients.ts'
import { client, startsOf } from './compare/servers.ts'
import { inWorld } from './compare/world.ts'
const names = (process.env.NAMES ?? 'signet,limit').split(','), ops = (process.env.OPS ?? 'check,refresh').split(','), n = Number(process.env.N ?? 3000)
await inWorld(async ({ folder, databaseUrl, stubUrl, add }) => {
  const how: any = startsOf(names, { databaseUrl, stubUrl, folder })
  if (process.env.PROF) how.signet.args = ['/work/main/dist/src/server.js']; how.signet.args.unshift('--cpu-prof', '--cpu-prof-dir=/tmp/prof', '--cpu-prof-interval', '200')
  const servers: any = {}
  for (const x of names) servers[x] = await add(how[x])
  const sql = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  const o: any = { ...names.includes('signet') ? { signet: signetClient([servers.signet.url], sql, client) } : {}, ...names.includes('limit') ? { limit: limitClient(servers.limit.url) } : {}, ...names.includes('passport') ? { passport: cookieClient(servers.passport.url) } : {}, ...names.includes('better-auth') ? { 'better-auth': betterAuthClient(servers['better-auth'].url) } : {} }
  for (let round = 0; round < 3; round++) for (const op of ops) for (const who of names) {
    const operation = o[who][op]; if (!operation) continue
    const m = await measure(servers[who], operation, round === 0 ? 600 : n)
    console.log(round, op.padEnd(9), who.padEnd(12), m.toFixed(3), 'ms')
  }
  await sql.end()
})
async function measure (server: any, operation: any, count: number): Promise<number> {
  return await (perform as any)(operation, count, async (work: any) => { const b = await server.cpuMs(); await work(); return (await server.cpuMs() - b) / count })
}
process.exit(0)
