/** The tests that judge a folder's mutants, the quick ones first: its own, and the flows that concern it. */
export const testFiles = {
  vault: ['test/vault/sealing.test.ts', 'test/vault/provider-tokens.test.ts', 'test/vault/rekey.slow.test.ts'],
  keys: ['test/keys/key-plan.test.ts', 'test/keys/service.test.ts', 'test/keys/repository.test.ts'],
  tokens: [
    'test/tokens/access-tokens.test.ts',
    'test/tokens/id-tokens.test.ts',
    'test/tokens/grants.test.ts',
    'test/tokens/refresh-token.test.ts',
    'test/tokens/verified-tokens.test.ts'
  ],
  sessions: [
    'test/sessions/device.test.ts',
    'test/sessions/refresh-token.test.ts',
    'test/sessions/service.test.ts',
    'test/flows/sessions.test.ts',
    'test/flows/authorize.test.ts',
    'test/flows/device.test.ts',
    'test/flows/own-sessions.test.ts'
  ],
  'sign-in': [
    'test/sign-in/link-account.test.ts',
    'test/sign-in/login-attempt.test.ts',
    'test/sign-in/return-to.test.ts',
    'test/sign-in/service.test.ts',
    'test/sign-in/device-visit.test.ts',
    'test/sign-in/creation-hook.test.ts',
    'test/sign-in/repository.test.ts',
    'test/flows/login.test.ts',
    'test/flows/authorize.test.ts',
    'test/flows/device.test.ts'
  ],
  oauth2: [
    'test/oauth2/clients.test.ts',
    'test/oauth2/redirect-uri.test.ts',
    'test/flows/conformance.test.ts',
    'test/oauth2/metadata.test.ts',
    'test/oauth2/token.test.ts',
    'test/oauth2/revoke.test.ts',
    'test/oauth2/introspect.test.ts',
    'test/oauth2/userinfo.test.ts',
    'test/flows/authorize.test.ts',
    'test/flows/device.test.ts',
    'test/flows/sessions.test.ts',
    'test/flows/redirect-uri.test.ts',
    'test/flows/native.test.ts',
    'test/flows/accounts.test.ts',
    'test/flows/admin/clients.test.ts'
  ]
}
