import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/package-root.ts'

export interface Pair { privateKey: KeyObject, publicKey: KeyObject }

const folder = join(packageRoot, '.data', 'test', 'rsa-pairs')
const generate = promisify(generateKeyPair)

/** Those that are not in use. */
const idle: Pair[] = []
let count = 0

/**
 * An RSA pair of 2048 bits that no other fake of this process has at the same time. Making one takes a third of a
 * second, so pairs are kept, for the next fake and for the next run.
 */
export async function takeRsaPair (): Promise<Pair> {
  return idle.pop() ?? await readOrMake(join(folder, `${count++}.pem`))
}

export function giveBackRsaPairs (pairs: Pair[]): void {
  idle.push(...pairs)
}

async function readOrMake (file: string): Promise<Pair> {
  const pem = await readFile(file, 'utf8').catch(() => undefined)
  if (pem !== undefined) return { privateKey: createPrivateKey(pem), publicKey: createPublicKey(pem) }
  const pair = await generate('rsa', { modulusLength: 2048 })
  await mkdir(folder, { recursive: true })
  // By a name of its own first: other processes may read and make the same one.
  const unfinished = `${file}.${process.pid}`
  await writeFile(unfinished, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await rename(unfinished, file)
  return pair
}
