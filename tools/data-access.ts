/**
 * `npm run data-access`: counts, by folder, the typed calls of Prisma, its raw statements and the queries on the pool.
 * Exits with 1 when the pool is used where it need not be, or a statement has no row type.
 */
import { packageRoot } from '../src/package-root.ts'
import { findFaults, readDataAccess, toTable } from './data-access/report.ts'

const accesses = await readDataAccess(process.argv[2] ?? packageRoot)
console.table(toTable(accesses))
const faults = findFaults(accesses)
for (const fault of faults) console.error(fault)
process.exit(faults.length > 0 ? 1 : 0)
