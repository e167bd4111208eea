/** What Signet costs: `npm run bench`. See USAGE. */
import '../src/logging/quiet-debug.ts'
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/package-root.ts'

const USAGE = `Usage: npm run bench                        Signet beside its limits and its peers
       npm run bench -- scale               two instances beside one
       npm run bench -- claims              what TOKEN_CLAIMS and RESOURCES cost at a check and a refresh
       npm run bench -- seed                every list and read with a million users
       npm run bench -- --profile <name>    where the CPU time of an operation goes: login, login-openid, sign-up,
                                            check, refresh or exchange; writes <name>.cpuprofile
  --short   fewer operations, for development: a few minutes
  --write   updates docs/performance.md, .json and .svg`

const options = {
  write: { type: 'boolean', default: false },
  short: { type: 'boolean', default: false },
  profile: { type: 'string' }
} as const

function readArguments () {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options })
    return { ...values, command: values.profile === undefined ? positionals.join(' ') || 'compare' : 'profile' }
  } catch {
    return undefined
  }
}

const build = () =>
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot, stdio: ['ignore', 'ignore', 'inherit'] })

const commands: Record<string, (given: { write: boolean, isShort: boolean, profiled: string }) => Promise<unknown>> = {
  async compare ({ write, isShort }) {
    build()
    const [{ compare }, { report }] = await Promise.all([import('./compare.ts'), import('./report/write.ts')])
    await report({ compare: await compare({ isShort }) }, write)
  },
  async scale ({ write, isShort }) {
    build()
    const [{ scale }, { report }] = await Promise.all([import('./scale.ts'), import('./report/write.ts')])
    await report({ scale: await scale({ isShort }) }, write)
  },
  async claims ({ isShort }) {
    build()
    await (await import('./claims.ts')).measureClaims({ isShort })
  },
  seed: () => import('./seed.ts'),
  async profile ({ profiled }) {
    const { PROFILED, profile } = await import('./profile.ts')
    if (!PROFILED.includes(profiled)) return exitWithUsage()
    build()
    await profile(profiled)
  }
}

function exitWithUsage (): never {
  console.error(USAGE)
  process.exit(2)
}

const given = readArguments() ?? exitWithUsage()
const run = commands[given.command] ?? exitWithUsage()
await run({ write: given.write, isShort: given.short, profiled: given.profile ?? '' })
process.exit(0)
