import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/package-root.ts'
import type { Originals } from './originals.ts'

/** The members used here of a `.cpuprofile` file (Chrome DevTools Protocol, `Profiler.Profile`). */
export interface CpuProfile {
  nodes: ProfileNode[]
  samples: number[]
  timeDeltas: number[]
}

export interface ProfileNode { id: number, callFrame: CallFrame, children?: number[] }

interface CallFrame { functionName: string, url: string, lineNumber: number, columnNumber: number }

/** What records the profile in the server; its own time does not count. */
export const RECORDER = 'bench/profile/recorder.mjs'

const TOP = 25

/** Packages that belong together, by the beginning of their names. */
const GROUPS: [name: string, prefixes: string[]][] = [
  ['Prisma', ['@prisma/', 'postgres-array']],
  ['pg', ['pg']],
  ['OAuth2 plugin (@fastify/oauth2, simple-oauth2)', ['@fastify/oauth2', 'simple-oauth2']],
  ['wreck, hoek, joi', ['@hapi/', 'joi', '@sideway/']],
  ['JWT (@fastify/jwt, fast-jwt, jose)', ['@fastify/jwt', 'fast-jwt', 'jose']],
  ['Fastify', ['fastify', 'find-my-way', 'avvio', 'light-my-request', 'fast-json-stringify', '@fastify/']],
  ['pino', ['pino', 'sonic-boom', 'thread-stream']]
]

const NODE_GROUPS: [name: string, pattern: RegExp][] = [
  ['Node: crypto', /^node:(internal\/)?crypto/],
  ['Node: HTTP', /^node:(_http|http|internal\/http)/],
  ['Node: sockets and streams', /^node:(internal\/)?(net|_?tls|streams?|events|buffer)/],
  ['Node: the rest', /^node:/]
]

/**
 * Two tables of CPU time: by package, and the functions with the most. "Self" is a package's own code; "with Node" adds
 * what Node's modules and native functions did for it. The samples tell the shares, which are applied to `cpuMs`, the
 * CPU time of one operation: on a busy machine samples count waiting too, mostly in system calls such as `writev`.
 */
export function profileTables (profile: CpuProfile, cpuMs: number, original: Originals): string {
  const { self, withNode, functions } = sumUp(profile, original)
  const total = [...self.values()].reduce((sum, spent) => sum + spent, 0)
  const cells = (spent: number) => `${(spent / total * cpuMs).toFixed(3)} ms | ${(spent / total * 100).toFixed(1)} %`
  const byWeight = (sums: Map<string, number>) => [...sums].toSorted(([, one], [, other]) => other - one).slice(0, TOP)
  const both = (name: string) => [self.get(name) ?? 0, withNode.get(name) ?? 0] as const
  const weights = new Map([...self.keys(), ...withNode.keys()].map((name) => [name, Math.max(...both(name))]))
  return [
    `${cpuMs.toFixed(2)} ms of CPU per operation, of which, by package:\n`,
    '| package | self | of all | with Node | of all |',
    '| --- | --- | --- | --- | --- |',
    ...byWeight(weights).map(([name]) => `| ${name} | ${both(name).map(cells).join(' | ')} |`),
    '\n| function | self | of all |',
    '| --- | --- | --- |',
    ...byWeight(functions).map(([name, spent]) => `| ${name} | ${cells(spent)} |`)
  ].join('\n')
}

function sumUp ({ nodes, samples, timeDeltas }: CpuProfile, original: Originals) {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const places = new Map(nodes.map((node) => [node.id, placeOf(node.callFrame, original)]))

  /** The place of a node, or of its nearest caller that `accepts`. */
  function nearest (id: number, accepts: (place: Place) => boolean): Place | undefined {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const place = places.get(at)
      if (place && accepts(place)) return place
    }
    return undefined
  }

  const self = new Map<string, number>()
  const withNode = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const spent = timeDeltas[index] ?? 0
    const { callFrame } = byId.get(id) as ProfileNode
    if (callFrame.functionName === '(idle)') continue
    const place = nearest(id, ({ isNative }) => !isNative) ?? places.get(id) as Place
    const caller = nearest(id, ({ isNative, isNode }) => !isNative && !isNode) ?? place
    if (caller.file === RECORDER) continue
    add(self, place.group, spent)
    add(withNode, caller.group, spent)
    add(functions, `${callFrame.functionName || '(anonymous)'} (${place.file})`, spent)
  }
  return { self, withNode, functions }
}

interface Place { group: string, file: string, isNative: boolean, isNode: boolean }

function placeOf ({ url, functionName, lineNumber, columnNumber }: CallFrame, original: Originals): Place {
  // Native functions have no file: their callers count. (program), (garbage collector) and the like have none.
  if (url === '') {
    const isNative = !functionName.startsWith('(') || functionName === '(root)'
    return { group: `V8: ${functionName}`, file: 'native', isNative, isNode: false }
  }
  const node = NODE_GROUPS.find(([, pattern]) => pattern.test(url))
  if (node) return { group: node[0], file: url, isNative: false, isNode: true }
  const path = original(url, lineNumber, columnNumber) ?? (url.startsWith('file:') ? fileURLToPath(url) : url)
  return { group: groupOf(path), file: path.replace(`${packageRoot}/`, ''), isNative: false, isNode: false }
}

function groupOf (path: string): string {
  const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
  const isOf = ([, prefixes]: [string, string[]]) => prefixes.some((prefix) => name?.startsWith(prefix))
  if (name !== undefined) return GROUPS.find(isOf)?.[0] ?? name
  if (path.includes('/src/database/generated/')) return 'Prisma'
  const folder = /\/src\/([^/]+)/.exec(path)?.[1]
  return folder === undefined ? path : `Signet: ${folder.replace(/\.ts$/, '')}`
}

function add (sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value)
}
