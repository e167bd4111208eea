import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'

const TIMEOUT_MS = 2_000

/**
 * The addresses of a name, asked of the name servers within two seconds. Rejects when there is none.
 *
 * `dns.lookup` occupies one of the process's few threads while a name server keeps silent, and every other look-up
 * waits for a thread. Anybody may choose a client id, and so the name server that is asked: it must hold up nothing.
 */
export async function askNameServers (name: string, servers?: string[]): Promise<LookupAddress[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 })
  if (servers) resolver.setServers(servers)
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = answers.flatMap((answer, index) =>
    answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : []
  )
  if (addresses.length === 0) throw (answers[0] as PromiseRejectedResult).reason
  return addresses
}
