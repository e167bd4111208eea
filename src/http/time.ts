const EARLIEST = Date.parse('1970-01-01T00:00:00Z')
const LATEST = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * The time that a parameter of the format `date-time` names. Nothing here happened before 1970 or will after 9999, so
 * an earlier or later time becomes the nearest of those: PostgreSQL has no year 0, and Prisma writes years of four
 * digits.
 */
export function readTime (text: string): Date {
  return new Date(Math.min(Math.max(Date.parse(text), EARLIEST), LATEST))
}
