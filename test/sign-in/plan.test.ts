import t from 'tap'
import type { Profile } from '../../src/providers/provider.ts'
import {
  decideSignIn,
  eventsOf,
  followProvider,
  isSamePerson,
  planSignIn,
  type EmailOwner,
  type KnownUser
} from '../../src/sign-in/plan.ts'

const accounts = {
  none: null,
  ok: { userId: 'a', isUserDisabled: false },
  disabled: { userId: 'a', isUserDisabled: true }
}
const emailOwners = {
  none: null,
  ok: { userId: 'h', isDisabled: false, isSamePerson: true },
  other: { userId: 'h', isDisabled: false, isSamePerson: false },
  disabled: { userId: 'h', isDisabled: true, isSamePerson: true },
  disabledOther: { userId: 'h', isDisabled: true, isSamePerson: false }
}

/** Every combination of what can be known, and what it means. */
const TABLE: [keyof typeof accounts, keyof typeof emailOwners, boolean, 'verified' | 'never', string][] = [
  ['ok', 'none', false, 'verified', 'sign-in a'],
  ['ok', 'none', true, 'verified', 'sign-in a'],
  ['ok', 'ok', true, 'verified', 'sign-in a'],
  ['ok', 'other', true, 'verified', 'sign-in a'],
  ['ok', 'disabled', true, 'verified', 'sign-in a'],
  ['ok', 'ok', true, 'never', 'sign-in a'],
  ['disabled', 'none', false, 'verified', 'refuse a'],
  ['disabled', 'ok', true, 'verified', 'refuse a'],
  ['disabled', 'ok', true, 'never', 'refuse a'],
  ['none', 'none', false, 'verified', 'create null'],
  ['none', 'ok', false, 'verified', 'create null'],
  ['none', 'disabled', false, 'verified', 'create null'],
  ['none', 'none', true, 'verified', 'create e'],
  ['none', 'none', true, 'never', 'create e'],
  ['none', 'ok', true, 'verified', 'link h'],
  ['none', 'other', true, 'verified', 'create null'],
  ['none', 'ok', true, 'never', 'create null'],
  ['none', 'disabled', true, 'verified', 'refuse h'],
  ['none', 'disabledOther', true, 'verified', 'refuse h'],
  ['none', 'disabled', true, 'never', 'refuse h']
]

t.test('a sign-in means what the table says', async (t) => {
  for (const [account, emailOwner, emailVerified, autoLink, expected] of TABLE) {
    const decision = decideSignIn({
      profile: { email: 'e', emailVerified },
      account: accounts[account],
      emailOwner: emailOwners[emailOwner],
      autoLink
    })
    const told = decision.outcome === 'create' ? `create ${decision.email}` : `${decision.outcome} ${decision.userId}`
    t.equal(
      told,
      expected,
      `account ${account}, email owner ${emailOwner}, ${emailVerified ? 'verified' : 'unverified'}, ${autoLink}`
    )
  }
})

const profile: Profile = {
  provider: 'acme',
  issuer: 'https://acme',
  subject: 'b',
  username: null,
  email: 'alice@corp.example',
  emailVerified: true,
  name: null,
  avatarUrl: null,
  locale: null,
  scope: ''
}
const account = { provider: 'github', issuer: 'https://github.com', email: 'alice@corp.example', emailVerified: true }

t.test('the owner of an address is the same person only while the address is still known to be theirs', async (t) => {
  const owner = (more: Partial<EmailOwner>) => ({ accounts: [account], hasUnlinkedIdentity: false, ...more })
  t.equal(isSamePerson(owner({}), profile), true)
  t.equal(isSamePerson(owner({ accounts: [] }), profile), false, 'no account')
  t.equal(
    isSamePerson(owner({ accounts: [{ ...account, email: 'other@corp.example' }] }), profile),
    false,
    'another address by now'
  )
  t.equal(
    isSamePerson(owner({ accounts: [{ ...account, emailVerified: false }] }), profile),
    false,
    'no longer verified'
  )
  const second = { provider: 'acme', issuer: 'https://acme', email: null, emailVerified: false }
  t.equal(isSamePerson(owner({ accounts: [account, second] }), profile), false, 'a second subject at the same issuer')
  t.equal(
    isSamePerson(owner({ accounts: [account, { ...second, issuer: 'https://other' }] }), profile),
    true,
    'another issuer'
  )
  t.equal(
    isSamePerson(owner({ accounts: [account, { ...second, provider: 'other' }] }), profile),
    true,
    'another provider'
  )
  t.equal(isSamePerson(owner({ hasUnlinkedIdentity: true }), profile), false, 'unlinked before')
})

t.test('ADMIN_EMAILS makes administrators only by the address that this sign-in proves', async (t) => {
  const policy = {
    autoLink: 'verified' as const,
    adminEmails: ['alice@corp.example'],
    signUps: 'open' as const,
    allowedEmailDomains: []
  }
  const user: KnownUser = {
    id: 'u',
    email: 'alice@corp.example',
    name: null,
    avatarUrl: null,
    locale: null,
    roles: [],
    editedFields: [],
    isDisabled: false
  }
  const roles = (now: Partial<Profile>, known: Partial<KnownUser> = {}) => {
    const plan = planSignIn({
      profile: { ...profile, ...now },
      account: { ...profile, user: { ...user, ...known } },
      emailOwner: null,
      policy
    })
    return plan.outcome === 'refuse' ? undefined : plan.fields.roles
  }
  t.same(roles({}), ['admin'])
  t.same(roles({ emailVerified: false }), [], 'not proven')
  t.same(roles({ email: 'mallory@corp.example' }), [], 'by another address than the one on file')
  t.same(roles({}, { email: 'other@corp.example' }), [], 'an address that the user does not have')
  t.same(roles({}, { editedFields: ['roles'] }), [], 'after an administrator took the role away')
  const mallory = { ...profile, email: 'mallory@corp.example' }
  const kept = planSignIn({ profile: mallory, account: { ...mallory, user }, emailOwner: null, policy })
  t.match(kept, { fields: { email: 'alice@corp.example' } })
  t.same(kept.outcome !== 'refuse' && kept.fields.roles, [], 'by an address that another account has proven')
  const created = planSignIn({ profile, account: null, emailOwner: null, policy })
  t.same(created.outcome === 'create' && created.fields.roles, ['admin'])
  const emailOwner = { ...user, accounts: [], hasUnlinkedIdentity: false }
  const recycled = planSignIn({ profile, account: null, emailOwner, policy })
  t.match(recycled, { outcome: 'create', fields: { email: null } })
  t.same(recycled.outcome === 'create' && recycled.fields.roles, [], 'a recycled address')
})

t.test('closed sign-ups create nobody, and an allowed domain is one of the user\'s or of this sign-in', async (t) => {
  const policy = { autoLink: 'verified' as const, adminEmails: [], signUps: 'open' as const, allowedEmailDomains: [] }
  const user = (email: string | null): KnownUser => ({
    id: 'u', email, name: null, avatarUrl: null, locale: null, roles: [], editedFields: [], isDisabled: false
  })
  const told = (plan: ReturnType<typeof planSignIn>) =>
    plan.outcome === 'refuse' ? `${plan.code} ${plan.userId}` : plan.outcome
  const isNew = { profile, account: null, emailOwner: null }
  t.equal(told(planSignIn({ ...isNew, policy: { ...policy, signUps: 'closed' } })), 'sign_up_closed null')
  const emailOwner = { ...user(profile.email), accounts: [account], hasUnlinkedIdentity: false }
  t.equal(told(planSignIn({ ...isNew, emailOwner, policy: { ...policy, signUps: 'closed' } })), 'link')

  const only = (...allowedEmailDomains: string[]) => ({ ...policy, allowedEmailDomains })
  const known = (email: string | null) => ({ profile, account: { ...profile, user: user(email) }, emailOwner: null })
  t.equal(told(planSignIn({ ...isNew, policy: only('corp.example') })), 'create')
  t.equal(told(planSignIn({ ...isNew, policy: only('example') })), 'email_not_allowed null', 'a whole domain')
  t.equal(told(planSignIn({ ...known('alice@home.example'), policy: only('corp.example') })), 'sign-in', 'proven now')
  t.equal(told(planSignIn({ ...known('alice@home.example'), policy: only('home.example') })), 'sign-in', 'their own')
  t.equal(told(planSignIn({ ...known('alice@home.example'), policy: only('x.example') })), 'email_not_allowed u')
  const unverified = { ...isNew, profile: { ...profile, emailVerified: false } }
  t.equal(told(planSignIn({ ...unverified, policy: only('corp.example') })), 'email_not_allowed null')
  const disabled = { ...known(null), account: { ...profile, user: { ...user(null), isDisabled: true } } }
  t.equal(told(planSignIn({ ...disabled, policy: only('x.example') })), 'account_disabled u', 'first')
})

t.test('a field follows the account it came from, until the user edits it', async (t) => {
  const before = { email: 'old@x', name: 'Old', avatarUrl: null, locale: 'en' }
  const now = { email: 'new@x', name: 'New', avatarUrl: 'https://x/1', locale: null, emailVerified: true }
  const user = (more: object) => ({ ...before, editedFields: [] as string[], ...more })
  t.same(
    followProvider(user({}), before, now),
    { email: 'new@x', name: 'New', avatarUrl: 'https://x/1', locale: 'en' },
    'and what the provider no longer says is kept'
  )
  t.equal(followProvider(user({ editedFields: ['name'] }), before, now).name, 'Old', 'edited')
  t.equal(followProvider(user({ name: 'From another account' }), before, now).name, 'From another account')
  t.equal(followProvider(user({}), null, now).name, 'Old', 'a new account changes nothing that is there')
  t.equal(followProvider(user({ name: null }), null, now).name, 'New', 'but fills what is empty')
  t.equal(
    followProvider(user({}), before, { ...now, emailVerified: false }).email,
    'old@x',
    'an unverified email never replaces a verified one'
  )
})

t.test('the events of a new user name the roles, if there are any', async (t) => {
  const policy = { autoLink: 'never' as const, adminEmails: [], signUps: 'open' as const, allowedEmailDomains: [] }
  const plan = planSignIn({ profile, account: null, emailOwner: null, policy })
  const ids = { userId: 'u', accountId: 'a', sessionId: 's', clientId: 'c', provider: 'acme' }
  const eventsWith = (roles: string[]) => plan.outcome === 'create' &&
    eventsOf({ ...plan, fields: { ...plan.fields, roles } }, ids).map(({ type, details }) => [type, details])
  const signedIn = ['login.succeeded', { sessionId: 's' }]
  t.strictSame(eventsWith([]), [['user.created', { sessionId: 's' }], signedIn])
  t.strictSame(eventsWith(['member']), [['user.created', { sessionId: 's', roles: ['member'] }], signedIn])
})
