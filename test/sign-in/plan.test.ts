import t from 'tap'
import { decideSignIn, followProvider } from '../../src/sign-in/plan.ts'

const accounts = { none: null, ok: { userId: 'a', isUserDisabled: false }, disabled: { userId: 'a', isUserDisabled: true } }
const emailOwners = { none: null, ok: { userId: 'h', isDisabled: false }, disabled: { userId: 'h', isDisabled: true } }

/** Every combination of what can be known, and what it means. */
const TABLE: [keyof typeof accounts, keyof typeof emailOwners, boolean, 'verified' | 'never', string][] = [
  ['ok', 'none', false, 'verified', 'sign-in a'], ['ok', 'none', true, 'verified', 'sign-in a'], ['ok', 'ok', true, 'verified', 'sign-in a'],
  ['ok', 'disabled', true, 'verified', 'sign-in a'], ['ok', 'ok', true, 'never', 'sign-in a'],
  ['disabled', 'none', false, 'verified', 'refuse a'], ['disabled', 'ok', true, 'verified', 'refuse a'], ['disabled', 'ok', true, 'never', 'refuse a'],
  ['none', 'none', false, 'verified', 'create null'], ['none', 'ok', false, 'verified', 'create null'], ['none', 'disabled', false, 'verified', 'create null'],
  ['none', 'none', true, 'verified', 'create e'], ['none', 'none', true, 'never', 'create e'],
  ['none', 'ok', true, 'verified', 'link h'], ['none', 'ok', true, 'never', 'create null'],
  ['none', 'disabled', true, 'verified', 'refuse h'], ['none', 'disabled', true, 'never', 'refuse h']
]

t.test('what a sign-in means', async (t) => {
  for (const [account, emailOwner, emailVerified, autoLink, expected] of TABLE) {
    const decision = decideSignIn({ profile: { email: 'e', emailVerified }, account: accounts[account], emailOwner: emailOwners[emailOwner], autoLink })
    const told = decision.outcome === 'create' ? `create ${decision.email}` : `${decision.outcome} ${decision.userId}`
    t.equal(told, expected, `account ${account}, email owner ${emailOwner}, ${emailVerified ? 'verified' : 'unverified'}, ${autoLink}`)
  }
})

t.test('a field follows the account it came from, until the user edits it', async (t) => {
  const before = { email: 'old@x', name: 'Old', avatarUrl: null, locale: 'en' }
  const now = { email: 'new@x', name: 'New', avatarUrl: 'https://x/1', locale: null, emailVerified: true }
  const user = (more: object) => ({ ...before, editedFields: [] as string[], ...more })
  t.same(followProvider(user({}), before, now), { email: 'new@x', name: 'New', avatarUrl: 'https://x/1', locale: 'en' }, 'and what the provider no longer says is kept')
  t.equal(followProvider(user({ editedFields: ['name'] }), before, now).name, 'Old', 'edited')
  t.equal(followProvider(user({ name: 'From another account' }), before, now).name, 'From another account')
  t.equal(followProvider(user({}), null, now).name, 'Old', 'a new account changes nothing that is there')
  t.equal(followProvider(user({ name: null }), null, now).name, 'New', 'but fills what is empty')
  t.equal(followProvider(user({}), before, { ...now, emailVerified: false }).email, 'old@x', 'an unverified email never replaces a verified one')
})
