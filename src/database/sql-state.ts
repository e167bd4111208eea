interface DatabaseError { code?: string, meta?: { driverAdapterError?: { cause?: { originalCode?: string } } } }

/** PostgreSQL's code of an error of pg or Prisma, or Prisma's own where it found the error by itself, such as P2025. */
export function sqlStateOf (error: unknown): string | undefined {
  const { code, meta } = Object(error) as DatabaseError
  return meta?.driverAdapterError?.cause?.originalCode ?? code
}
