import t from 'tap'
import { createUntrustedEmailNotice } from '../../src/sign-in/untrusted-emails.ts'

t.test('that a provider is not believed about email is logged once, with the setting that would', async (t) => {
  const lines: unknown[][] = []
  const notice = createUntrustedEmailNotice([
    { id: 'my-idp', kind: 'oidc', emailTrusted: undefined },
    { id: 'other', kind: 'oauth', emailTrusted: false },
    { id: 'believed', kind: 'oidc', emailTrusted: true },
    { id: 'github', kind: 'built-in', emailTrusted: false }
  ] as never, { warn: (...args: unknown[]) => { lines.push(args) } } as never)
  notice({ provider: 'my-idp', email: null })
  for (const provider of ['believed', 'github', 'unknown']) notice({ provider, email: 'e@x' })
  t.same(lines, [])
  for (const provider of ['my-idp', 'my-idp', 'other']) notice({ provider, email: 'e@x' })
  t.match(lines, [
    [{ provider: 'my-idp', setting: 'OIDC_MY_IDP_EMAIL_TRUSTED' }, /OIDC_MY_IDP_EMAIL_TRUSTED is not true/],
    [{ provider: 'other', setting: 'OAUTH_OTHER_EMAIL_TRUSTED' }, /OAUTH_OTHER_EMAIL_TRUSTED is not true/]
  ])
  t.equal(lines.length, 2)
})
