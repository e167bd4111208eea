import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Account { name: string, uid: number, gid: number }

/** PostgreSQL refuses to run as root: the account `postgres` where it exists, else `nobody`. Undefined unless root. */
export async function findUnprivilegedAccount (): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
    } catch {}
  }
  throw new Error('PostgreSQL cannot run as root, and neither the account "postgres" nor "nobody" exists. ' +
    'Start as another user, or set DATABASE_URL.')
}

/**
 * Runs a program as `account`, or as the current user without one. Where a parent folder of `data` or of the program is
 * closed to the account, such as /root or a `mktemp -d`, the program keeps the right to pass through it
 * (CAP_DAC_OVERRIDE; the secure bit makes access(2) honour it). Returns its standard output.
 */
export async function runAs (
  account: Account | undefined, program: string, args: string[], data: string
): Promise<string> {
  const env = { ...process.env, LC_MESSAGES: 'C' }
  if (!account) return (await run(program, args, { env })).stdout
  const { uid, gid } = account
  // The account must be able to enter the working folder.
  const options = { cwd: '/', env }
  if (await isOpenToAll(dirname(program)) && await isOpenToAll(dirname(data))) {
    return (await run(program, args, { ...options, uid, gid })).stdout
  }
  const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  const capabilities = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return (await run('setpriv', [...identity, ...capabilities, program, ...args], options)).stdout
}

/** True when everyone may enter a folder and all its parents. */
async function isOpenToAll (folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  return (mode & 0o001) !== 0 && (dirname(folder) === folder || await isOpenToAll(dirname(folder)))
}
