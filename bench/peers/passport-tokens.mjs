import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, jwtVerify } from 'jose'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ISSUER = 'http://localhost'

export async function createAccessToken ({ id, sessionId }) {
  return await new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime('15m')
    .sign(privateKey)
}

/** The claims of a Bearer token. Throws when it is not valid. */
export async function verifyAccessToken (authorization = '') {
  const token = authorization.replace(/^Bearer /, '')
  return (await jwtVerify(token, publicKey, { issuer: ISSUER, audience: ISSUER })).payload
}
