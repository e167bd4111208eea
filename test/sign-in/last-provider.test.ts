import t from 'tap'
import { lastProvider } from '../../src/sign-in/last-provider.ts'
import { cookies } from '../oauth2/pages.ts'

t.test('the provider that was used last is one that is enabled', async (t) => {
  const read = (jar: object) => lastProvider({ cookies: jar } as never, cookies, new Map([['acme', {}]]) as never)
  t.equal(read({ '__Host-signet-provider': 'acme' }), 'acme')
  t.equal(read({ '__Host-signet-provider': 'gone' }), undefined)
  t.equal(read({}), undefined)
})
