import type { Prisma } from './generated/client.ts'

/** Prisma's client within `$transaction`: everything that runs on it is committed together, or not at all. */
export type Transaction = Prisma.TransactionClient
