import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createHashedSecret, createRefreshTokenCodec, hashSecret } from '../../src/tokens/refresh-token.ts'

const key = (id: string) => ({ id, key: randomBytes(32) })
const [one, two] = [key('one'), key('two')]
const token = { sessionId: '01a207e8-ef03-736f-966f-1dc43065a25d', counter: 7, secret: randomBytes(32) }

t.test('a token comes back as it went in, and its successor can be computed by anyone who holds it and the server key', async (t) => {
  const codec = createRefreshTokenCodec([one])
  const text = codec.encode(token)
  t.match(text, /^[\w-]{112}$/)
  t.same(codec.decode(text), token)
  const elsewhere = createRefreshTokenCodec([one])
  t.equal(elsewhere.encode({ ...elsewhere.decode(text) as typeof token, counter: 8 }), codec.encode({ ...token, counter: 8 }))
})

t.test('a token that was altered, made elsewhere or spelled differently is none', async (t) => {
  const codec = createRefreshTokenCodec([one])
  const text = codec.encode(token)
  const bytes = Buffer.from(text, 'base64url')
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes)
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index)
    if (codec.decode(altered.toString('base64url'))) t.fail(`byte ${index}`)
  }
  for (const odd of ['', 'x', `${text}A`, `${text}=`, text.slice(1), ` ${text}`, `${text}\n`, bytes.toString('base64').replace(/^/, ' ')]) t.equal(codec.decode(odd), undefined)
  t.equal(createRefreshTokenCodec([two]).decode(text), undefined)
  t.same(createRefreshTokenCodec([two, one]).decode(text), token, 'an older key of the server still reads it')
})

t.test('the row keeps a hash that is not the secret', async (t) => {
  const { secret, secretHash } = createHashedSecret()
  t.equal(secret.length, 32)
  t.same(hashSecret(secret), secretHash)
  t.notSame(secret, secretHash)
  t.notSame(createHashedSecret().secret, secret)
})
