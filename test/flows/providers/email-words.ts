import type { Test } from 'tap'
import type { World } from './plain-login.ts'

/** Whatever else may stand where a provider says `true` of an email: none of it is true. */
export const NOT_TRUE = [false, 'true', 'false', 1, 0, '1', null, undefined, [true], {}]

/** Members that say something of an email, and whether they are believed. */
export type Word = [members: object, believed: boolean]

/**
 * What each word on an email comes to (SEC-29, SEC-30): the account has the email either way; the user has it if it is
 * believed. Each word is somebody else's, with an email of their own.
 */
export async function emailWords (
  t: Test,
  { fake, signIn }: World,
  names: { subject: string, email: string },
  words: Word[]
): Promise<void> {
  for (const [index, [word, believed]] of words.entries()) {
    const address = `words-${index}@example.com`
    fake.person({ [names.subject]: `9000${index}`, [names.email]: address, ...word })
    const user = await signIn()
    t.match(
      user,
      {
        email: believed ? address : null,
        emailVerified: believed,
        accounts: [{ email: address, emailVerified: believed }]
      },
      JSON.stringify(word)
    )
  }
  fake.person({})
}
