import t from 'tap'

/**
 * False in `npm test`. A file that runs alone is played in whole, and so is each file that imports this one in
 * `npm run test:slow`.
 */
export const isWhole = process.env['TEST_SUITE'] !== 'fast'

/**
 * For the tests of a file that `npm test` leaves out: races of many, programs that are started, whole grids. The type
 * is forced because a test that is left out has no result.
 */
export const slow: Pick<typeof t, 'test'> = isWhole ? t : { test: (() => {}) as never }

/** All cases of a grid; in `npm test` the first one of each kind. */
export function grid<Case> (cases: readonly Case[], kindOf: (one: Case) => unknown): Case[] {
  if (isWhole) return [...cases]
  return [...new Map([...cases].reverse().map((one) => [kindOf(one), one])).values()].reverse()
}
