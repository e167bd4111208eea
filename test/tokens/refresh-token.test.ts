import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  createHashedSecret, createRefreshTokenCodec, hashSecret, type RefreshToken
} from '../../src/tokens/refresh-token.ts'

const key = (id: string) => ({ id, key: randomBytes(32) })
const [one, two] = [key('one'), key('two')]
const token: RefreshToken = { sessionId: '01a207e8-ef03-736f-966f-1dc43065a25d', counter: 7, secret: randomBytes(32) }

t.test('a token is decoded as it was encoded, and any instance with the key computes its successor', async (t) => {
  const codec = createRefreshTokenCodec([one])
  const text = codec.encode(token)
  t.match(text, /^[\w-]{112}$/)
  t.same(codec.decode(text), token)
  const elsewhere = createRefreshTokenCodec([one])
  const decoded = elsewhere.decode(text) as RefreshToken
  t.equal(elsewhere.encode({ ...decoded, counter: 8 }), codec.encode({ ...token, counter: 8 }))
})

t.test('a token that was altered, made with another key or not canonical is refused (SEC-47)', async (t) => {
  const codec = createRefreshTokenCodec([one])
  const text = codec.encode(token)
  const bytes = Buffer.from(text, 'base64url')
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes)
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index)
    if (codec.decode(altered.toString('base64url'))) t.fail(`byte ${index}`)
  }
  const odd = ['', 'x', `${text}A`, `${text}=`, text.slice(1), ` ${text}`, `${text}\n`, ` ${bytes.toString('base64')}`]
  for (const other of odd) t.equal(codec.decode(other), undefined)
  t.equal(createRefreshTokenCodec([two]).decode(text), undefined)
  t.same(createRefreshTokenCodec([two, one]).decode(text), token, 'a token of an older key is good')
})

t.test('a secret is random, and its hash is another value', async (t) => {
  const { secret, secretHash } = createHashedSecret()
  t.equal(secret.length, 32)
  t.same(hashSecret(secret), secretHash)
  t.notSame(secret, secretHash)
  t.notSame(createHashedSecret().secret, secret)
})
