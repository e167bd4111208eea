/**
 * `npm run rekey`: seals everything under the first of the ENCRYPTION_KEYS. Run it after every instance has the new key
 * first; the API can serve meanwhile.
 */
import '../src/logging/quiet-debug.ts'
import { rekey } from '../src/vault/rekey.ts'
import { withSettingsDatabase } from './settings-database.ts'

let unreadable = 0

await withSettingsDatabase(async ({ prisma }, { encryptionKeys }) => {
  for (const result of await rekey(prisma, encryptionKeys, (line) => console.log(line))) {
    const failed = result.unreadable > 0 ? `, ${result.unreadable} that none of the keys opens` : ''
    console.log(`${result.table}: done, ${result.sealedAnew} sealed anew${failed}.`)
    unreadable += result.unreadable
  }
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
if (unreadable > 0) console.error('Put back the key that is missing from ENCRYPTION_KEYS, and run this again.')
process.exit(unreadable > 0 ? 1 : 0)
