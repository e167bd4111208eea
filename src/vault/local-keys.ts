import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EncryptionKey } from './sealing.ts'

/**
 * The encryption key where ENCRYPTION_KEYS is not set, outside production: generated once and stored in `folder`.
 * Several processes can call this at the same time; all get the same key.
 */
export async function localEncryptionKeys (folder: string): Promise<EncryptionKey[]> {
  const file = join(folder, 'encryption-keys')
  await mkdir(folder, { recursive: true })
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, `local:${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  // A link appears at once, so that no process reads half a key.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error })
  await rm(draft)
  const [id = '', key = ''] = (await readFile(file, 'utf8')).trim().split(':')
  return [{ id, key: Buffer.from(key, 'base64') }]
}
