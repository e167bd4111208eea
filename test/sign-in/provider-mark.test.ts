import t from 'tap'
import { PROVIDER_PATHS } from '../../src/sign-in/provider-paths.ts'
import { providerMark } from '../../src/sign-in/provider-mark.ts'

const coloursOf = (id: string) =>
  [...providerMark({ id, name: id }).text.matchAll(/fill="([^"]+)"/g)].map(([, colour]) => colour)

t.test('Google and Microsoft have their own colours, as they ask for', async (t) => {
  t.same(coloursOf('google'), ['#fff', '#ea4335', '#4285f4', '#fbbc05', '#34a853'])
  t.same(coloursOf('microsoft'), ['#f25022', '#7fba00', '#00a4ef', '#ffb900'])
})

t.test('every other mark has the colour of the text, which is read in light and dark', async (t) => {
  for (const id of Object.keys(PROVIDER_PATHS)) t.same(coloursOf(id), ['currentColor'], id)
})

t.test('a provider without a mark has its initial, whatever its name is', async (t) => {
  const initial = (id: string, name: string) => />(.*)</.exec(providerMark({ id, name }).text)?.[1]
  t.equal(initial('acme', 'Acme'), 'A')
  t.equal(initial('acme', '😀 Mail'), '😀')
  t.equal(initial('acme', '<b>'), '&lt;')
  t.equal(initial('constructor', 'Constructor'), 'C')
})

t.test('screen readers skip it', async (t) => {
  for (const id of ['google', 'microsoft', 'github', 'acme']) {
    t.match(providerMark({ id, name: 'Acme' }).text, /^<\w+ [^>]*aria-hidden="true"/, id)
  }
})
