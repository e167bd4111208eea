/** `npm run rekey`: after a new key was put first into ENCRYPTION_KEYS of every instance, seals everything under it. The API may serve meanwhile. */
import '../src/logging/quiet-debug.ts'
import { rekey } from '../src/vault/rekey.ts'
import { withSettingsDatabase } from './settings-database.ts'

let unreadable = 0

await withSettingsDatabase(async (pool, { encryptionKeys }) => {
  for (const result of await rekey(pool, encryptionKeys, (line) => console.log(line))) {
    console.log(`${result.table}: done, ${result.sealedAnew} sealed anew${result.unreadable > 0 ? `, ${result.unreadable} that none of the keys opens` : ''}.`)
    unreadable += result.unreadable
  }
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
if (unreadable > 0) console.error('Put back the key that is missing from ENCRYPTION_KEYS, and run this again.')
process.exit(unreadable > 0 ? 1 : 0)
