import t from 'tap'
import { readCallbackParameters, readState } from '../../src/sign-in/callback-parameters.ts'

const NONE = { state: 's', code: undefined, iss: undefined, error: undefined, user: undefined }
const UNREADABLE = ['', ['a', 'b'], 1, null, undefined, 'a\n', '\na', 'a\x1fb', 'a\x7fb', 'é']

const read = (parameters: unknown) => readCallbackParameters('s', parameters)

t.test('each parameter is read once, as printable ASCII, up to its maximum length (SEC-5, SEC-12)', async (t) => {
  for (const [name, length] of Object.entries({ code: 4096, iss: 1024, error: 256 })) {
    const longest = ' ~'.padEnd(length, 'x')
    t.same(read({ [name]: longest }), { ...NONE, [name]: longest }, name)
    const refused = { code: 'invalid_request', message: new RegExp(`^${name} must .* ${length} characters`) }
    for (const value of [longest + 'x', ...UNREADABLE]) {
      t.throws(() => read({ [name]: value }), refused, `${name}: ${JSON.stringify(value)?.slice(0, 20)}`)
    }
    t.same(read(Object.create({ [name]: 'x' })), NONE, 'an inherited one does not count')
  }
  for (const parameters of [undefined, null, 'code=c', {}]) t.same(read(parameters), NONE)
})

t.test('the state is up to 256 characters; one that cannot be read is none', async (t) => {
  const longest = 's'.repeat(256)
  t.equal(readState({ state: longest }), longest)
  for (const value of [longest + 's', ...UNREADABLE]) t.equal(readState({ state: value }), undefined)
  for (const parameters of [undefined, null, 'state=s', {}]) t.equal(readState(parameters), undefined)
})

t.test('an error_code counts where there is neither a code nor an error', async (t) => {
  t.same(read({ error_code: '200' }), { ...NONE, error: '200' })
  t.same(read({ error_code: '200', error: 'access_denied' }), { ...NONE, error: 'access_denied' })
  t.same(read({ error_code: '200', code: 'c' }), { ...NONE, code: 'c' })
  t.same(read({ error_code: '2'.repeat(64) }), { ...NONE, error: '2'.repeat(64) })
  for (const value of ['2'.repeat(65), ['2'], 'é']) t.same(read({ error_code: value }), NONE)
})

t.test('the user parameter may hold any text of at most 4096 characters; anything else is left out', async (t) => {
  for (const user of ['{"name":"Zoë\n"}', '', 'é'.repeat(4096)]) t.same(read({ user }), { ...NONE, user })
  for (const user of ['é'.repeat(4097), ['a', 'b'], { name: 'x' }, 1]) t.same(read({ user }), NONE)
})
