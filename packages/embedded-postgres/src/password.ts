import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { ignoreExisting } from './ignore-existing.ts'

/** The superuser's password. Written to a draft that is then linked to `file`, so that no process reads half of it. */
export async function ensurePassword (file: string): Promise<string> {
  if (!existsSync(file)) {
    const draft = `${file}-${randomUUID()}`
    await writeFile(draft, randomBytes(24).toString('base64url'), { mode: 0o600 })
    await link(draft, file).catch(ignoreExisting)
    await rm(draft)
  }
  return (await readFile(file, 'utf8')).trim()
}
