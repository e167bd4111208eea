import { randomUUID } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { localEncryptionKeys } from '../../src/vault/local-keys.ts'

t.test('the generated key is made once, and only its owner may read the file', async (t) => {
  const folder = join(tmpdir(), `signet-local-keys-${randomUUID()}`)
  t.teardown(() => rm(folder, { recursive: true }))
  const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => localEncryptionKeys(folder)))
  t.match(first, [{ id: 'local', key: { length: 32 } }])
  for (const other of others) t.same(other, first)
  t.same(await localEncryptionKeys(folder), first, 'and is found again')
  t.same(await readdir(folder), ['encryption-keys'])
  t.equal((await stat(join(folder, 'encryption-keys'))).mode & 0o777, 0o600)
})
