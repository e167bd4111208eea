import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSealer } from '../../src/vault/sealing.ts'

const key = (id: string) => ({ id, key: randomBytes(32) })
const [one, two] = [key('one'), key('two')]

t.test('what is sealed opens in its place, for its purpose, and nowhere else', async (t) => {
  const sealer = createSealer([one], 'purpose')
  const sealed = sealer.seal('a secret: ü', 'row 1')
  t.equal(sealer.open(sealed, 'row 1'), 'a secret: ü')
  t.equal(sealer.open(sealer.seal('', 'row 1'), 'row 1'), '')
  t.equal(sealer.open(sealed, 'row 2'), undefined, 'another place')
  t.equal(createSealer([one], 'other purpose').open(sealed, 'row 1'), undefined, 'another purpose')
  t.equal(createSealer([two], 'purpose').open(sealed, 'row 1'), undefined, 'another key')
  t.not(sealer.seal('a secret: ü', 'row 1'), sealed, 'never the same twice')
  t.notMatch(sealed, 'secret')
})

t.test('nothing that was altered opens, whichever byte it is', async (t) => {
  const sealer = createSealer([one], 'purpose')
  const sealed = sealer.seal('a secret', 'here')
  const bytes = Buffer.from(sealed.slice(4), 'base64url')
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes)
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index)
    if (sealer.open(`one.${altered.toString('base64url')}`, 'here') !== undefined) t.fail(`byte ${index}`)
  }
  for (let length = 0; length < bytes.length; length++) {
    const cut = `one.${bytes.subarray(0, length).toString('base64url')}`
    if (sealer.open(cut, 'here') !== undefined) t.fail(`cut to ${length}`)
  }
  for (const other of [`${sealed}=`, `${sealed}!`, `${sealed} `, sealed.replace('.', '. ')]) {
    t.equal(sealer.open(other, 'here'), undefined, 'the canonical encoding only')
  }
  for (const rubbish of ['', '.', 'one', 'one.', 'two.abc', 'x.y.z']) t.equal(sealer.open(rubbish, 'here'), undefined)
})

t.test('the first key seals, all open', async (t) => {
  const before = createSealer([one], 'purpose').seal('old', 'here')
  const after = createSealer([two, one], 'purpose')
  t.equal(after.open(before, 'here'), 'old')
  t.match(after.seal('new', 'here'), /^two\./)
})

t.test('without a key nothing can be sealed', async (t) => {
  t.throws(() => createSealer([], 'purpose'), { message: 'At least one encryption key is needed.' })
})
