import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Addresses for the machines of a cluster, which all run here. */
export interface Network {
  /** The first three parts of all addresses, with a dot. */
  prefix: string
  /** The address of what stands beside the machines: etcd, HAProxy, Signet. */
  host: string
  /** What a command is run by, to run on a machine. */
  enter: (name: string) => string[]
  /** Cuts a machine off: its packets are lost. Undefined on loopback. */
  isolate: ((name: string, on: boolean) => Promise<void>) | undefined
  remove: () => Promise<void>
}

/**
 * A network namespace for each machine, at one bridge; machine n has the address `prefix` + (10 + n). Where namespaces
 * are not allowed, all have addresses of the loopback interface, and none can be cut off.
 */
export async function createNetwork (names: string[]): Promise<Network> {
  const number = process.pid % 250 + 1
  const bridge = `signet${number}`
  const prefix = `10.231.${number}.`
  const namespace = (name: string) => `${bridge}-${name}`
  const link = (name: string) => `sg${number}${name}`
  const ip = (command: string) => run('ip', command.split(' '))
  const remove = async () => {
    for (const name of names) await ip(`netns delete ${namespace(name)}`).catch(() => {})
    await ip(`link delete ${bridge}`).catch(() => {})
  }
  try {
    await ip(`link add ${bridge} type bridge`)
    await ip(`address add ${prefix}1/24 dev ${bridge}`)
    await ip(`link set ${bridge} up`)
    for (const [index, name] of names.entries()) {
      await ip(`netns add ${namespace(name)}`)
      await ip(`link add ${link(name)} type veth peer name eth0 netns ${namespace(name)}`)
      await ip(`link set ${link(name)} master ${bridge} up`)
      await ip(`-n ${namespace(name)} address add ${prefix}${11 + index}/24 dev eth0`)
      await ip(`-n ${namespace(name)} link set eth0 up`)
      await ip(`-n ${namespace(name)} link set lo up`)
    }
  } catch {
    await remove()
    return {
      prefix: `127.77.${number}.`,
      host: `127.77.${number}.1`,
      enter: () => [],
      isolate: undefined,
      remove: async () => {}
    }
  }
  return {
    prefix,
    host: `${prefix}1`,
    enter: (name) => ['ip', 'netns', 'exec', namespace(name)],
    isolate: async (name, on) => { await ip(`link set ${link(name)} ${on ? 'down' : 'up'}`) },
    remove
  }
}
