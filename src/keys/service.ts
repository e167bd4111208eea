import { createHash, createPublicKey, generateKeyPair, type JsonWebKey } from 'node:crypto'
import { promisify } from 'node:util'
import type { By } from '../audit/events.ts'
import type { SigningAlgorithm } from './signing-algorithm.ts'
import type { Sealer } from '../vault/sealing.ts'
import { createSigner } from './jws.ts'
import { isEmpty, planKeys, type KeyPlan, type KeyState, type KeyStatus } from './key-plan.ts'
import type { KeyChanges, KeyRepository, SigningKeyRow } from './repository.ts'

export interface VerificationKey { alg: string, publicPem: string }
export type PublicJwk = JsonWebKey & { kid: string, alg: string, use: 'sig' }

export type KeyInfo = Omit<KeyState, 'usable'>

/** The keys that sign access tokens. All instances share them through the database; each holds a copy in memory. */
export interface KeyService {
  /** Makes what is missing and rotates when it is time: at start, and then by one of all instances every minute. */
  maintain: () => Promise<void>
  /** Reads the keys again, since another instance may have changed them: every half minute. */
  reload: () => Promise<void>
  /** Makes `next` the current key now. */
  rotate: (by: By) => Promise<void>
  /** All keys there are, without their private halves: the oldest first. */
  list: () => Promise<KeyInfo[]>
  /** Signs a JWT of the given type with the current key. */
  sign: (type: 'at+jwt' | 'JWT', claims: object) => string
  /** The key of a `kid`; an unknown one is looked up in the database again, at most once in five seconds. */
  verificationKey: (kid: string) => Promise<VerificationKey | undefined>
  /** When the key that signs became the current one. */
  signingSince: () => Date | undefined
  /** RFC 7517: next, current, and retired keys that still verify live tokens; public members only. */
  publicKeys: () => PublicJwk[]
}

export interface KeyServiceOptions {
  repository: KeyRepository
  sealer: Sealer
  algorithm: SigningAlgorithm
  rotationSeconds: number
  /** The longest life of a token. */
  tokenSeconds: number
  /** Outside production a key that cannot be opened is replaced: its encryption key was generated and is gone. */
  replaceUnusable: boolean
}

/** Other instances may sign with a retired key until they next read the table. */
const MARGIN_SECONDS = 5 * 60
const LOOKUP_COOLDOWN_MS = 5_000
const BY_ITSELF: By = { actorId: null, caller: {}, details: { by: 'schedule' } }

interface LoadedKey extends VerificationKey { kid: string, status: KeyStatus, jwk: PublicJwk, row: SigningKeyRow }

export function createKeyService (options: KeyServiceOptions): KeyService {
  const { repository, sealer } = options
  let keys = new Map<string, LoadedKey>()
  let signers: Record<'at+jwt' | 'JWT', (claims: object) => string> | undefined
  let signingKid: string | undefined
  let lookedUpAt = -Infinity
  let lookup: Promise<void> | undefined

  async function load (): Promise<void> {
    const rows = await repository.list()
    keys = new Map(rows.map((row) => [row.kid, keys.get(row.kid)?.status === row.status ? keys.get(row.kid) as LoadedKey : toLoadedKey(row)]))
    const current = [...keys.values()].find((key) => key.status === 'current')
    if (!current || current.kid === signingKid) return
    const key = openPrivateKey(current.row)
    if (key === undefined) return
    const signer = (typ: string) => createSigner(key, { alg: current.alg as SigningAlgorithm, typ, kid: current.kid })
    signers = { 'at+jwt': signer('at+jwt'), JWT: signer('JWT') }
    signingKid = current.kid
  }

  const openPrivateKey = (row: SigningKeyRow) => sealer.open(row.sealedPrivateKey, row.kid)

  function plan (rows: SigningKeyRow[], force: boolean): KeyPlan {
    const states: KeyState[] = rows.map((row) => ({ ...row, status: row.status as KeyStatus, usable: row.status === 'retired' || openPrivateKey(row) !== undefined }))
    const unusable = states.find((state) => !state.usable)
    if (unusable && !options.replaceUnusable) {
      throw new Error(`ENCRYPTION_KEYS: none of the keys opens the signing key ${unusable.kid}. Put the key back that was in use when it was made.`)
    }
    return planKeys(states, {
      now: new Date(),
      algorithm: options.algorithm,
      rotationSeconds: options.rotationSeconds,
      retiredSeconds: options.tokenSeconds + MARGIN_SECONDS,
      force
    })
  }

  async function change (force: boolean, by: By): Promise<void> {
    if (!isEmpty(plan(await repository.list(), force))) {
      const fresh = [await newKey(), await newKey()]
      await repository.change((rows): KeyChanges => {
        const { activate, createNext, ...rest } = plan(rows, force)
        const create = [...activate === 'new' ? ['current'] : [], ...createNext ? ['next'] : []].map((status, index) => ({ ...fresh[index] as NewKey, status }))
        return { ...rest, activate: activate === 'new' ? undefined : activate, create }
      }, by)
    }
    await load()
  }

  async function newKey (): Promise<NewKey> {
    const { publicKey, privateKey } = await generatePair(options.algorithm)
    const jwk = publicKey.export({ format: 'jwk' })
    const kid = thumbprint(jwk)
    return { kid, alg: options.algorithm, publicJwk: jwk, sealedPrivateKey: sealer.seal(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, kid) }
  }

  return {
    maintain: () => change(false, BY_ITSELF),
    reload: load,
    rotate: (by) => change(true, by),
    list: async () => (await repository.list()).map(({ kid, alg, status, createdAt, activatedAt, retiredAt }) =>
      ({ kid, alg, status: status as KeyStatus, createdAt, activatedAt, retiredAt })),

    sign (type, claims) {
      if (!signers) throw new Error('The signing keys have not been loaded.')
      return signers[type](claims)
    },

    async verificationKey (kid) {
      if (!keys.has(kid)) {
        if (!lookup && Date.now() - lookedUpAt >= LOOKUP_COOLDOWN_MS) {
          lookedUpAt = Date.now()
          lookup = load().finally(() => { lookup = undefined })
        }
        await lookup
      }
      return keys.get(kid)
    },

    signingSince: () => keys.get(signingKid ?? '')?.row.activatedAt ?? undefined,
    publicKeys: () => [...keys.values()].map(({ jwk }) => jwk)
  }
}

interface NewKey { kid: string, alg: string, publicJwk: object, sealedPrivateKey: string }

function toLoadedKey (row: SigningKeyRow): LoadedKey {
  const jwk = row.publicJwk as JsonWebKey
  const publicPem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
  return { kid: row.kid, alg: row.alg, status: row.status as KeyStatus, publicPem, jwk: { ...jwk, kid: row.kid, alg: row.alg, use: 'sig' }, row }
}

const generate = promisify(generateKeyPair)

async function generatePair (algorithm: SigningAlgorithm) {
  if (algorithm === 'RS256') return await generate('rsa', { modulusLength: 3072 })
  if (algorithm === 'EdDSA') return await generate('ed25519')
  return await generate('ec', { namedCurve: 'P-256' })
}

/** RFC 7638: the required members, in lexicographic order, without white space. */
function thumbprint ({ crv, e, kty, n, x, y }: JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url')
}
