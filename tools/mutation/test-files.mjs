/** The quick tests of each folder that is mutated, and the flows that concern it. */
export const testFiles = {
  vault: ['test/vault/sealing.test.ts', 'test/vault/rekey.test.ts'],
  keys: ['test/keys/key-plan.test.ts'],
  sessions: ['test/sessions/device.test.ts', 'test/sessions/refresh-token.test.ts', 'test/flows/sessions.test.ts'],
  'sign-in': ['test/sign-in/link-account.test.ts'],
  oauth2: ['test/flows/authorize.test.ts']
}
