import type { JsonWebKey } from 'node:crypto'
import type { By } from '../audit/events.ts'
import type { Sealer } from '../vault/sealing.ts'
import { createKeyPair, toPublicPem } from './key-pair.ts'
import { isEmpty, planKeys, type KeyPlan, type KeyState, type KeyStatus } from './key-plan.ts'
import type { KeyChanges, KeyRepository, SigningKeyRow } from './repository.ts'
import { createSigners, type Signer, type TokenType } from './signers.ts'
import type { SigningAlgorithm } from './signing-algorithm.ts'

export interface VerificationKey { alg: string, publicPem: string }
export type PublicJwk = JsonWebKey & { kid: string, alg: string, use: 'sig' }

export type KeyInfo = Omit<KeyState, 'isUsable'>

/** The keys that sign tokens. The database holds them for all instances; each instance keeps a copy in memory. */
export interface KeyService {
  /** Creates missing keys and rotates those that are due: at start, then every minute on one instance. */
  maintain: () => Promise<void>
  /** Reads the keys from the database again, because another instance may have changed them. */
  reload: () => Promise<void>
  /** Makes the next key the current one now. */
  rotate: (by: By) => Promise<void>
  /** All keys without their private halves, oldest first. */
  list: () => Promise<KeyInfo[]>
  /**
   * Signs the claims with the current key, of SIGNING_ALG unless another algorithm is given. Throws until the keys have
   * been loaded.
   */
  sign: (type: TokenType, claims: object, algorithm?: SigningAlgorithm) => string
  /** Makes sure that `sign` has a key of this algorithm, for a client that was registered a moment ago. */
  prepare: (algorithm: SigningAlgorithm) => Promise<void>
  /** The algorithms that `sign` has keys of, SIGNING_ALG first. */
  algorithms: () => SigningAlgorithm[]
  /**
   * The key with this `kid`. An unknown `kid` makes the service read the database again, at most once in five seconds.
   */
  verificationKey: (kid: string) => Promise<VerificationKey | undefined>
  /** The same, also for a key whose tokens have all expired, while a session may live that has one. */
  retiredVerificationKey: (kid: string) => Promise<VerificationKey | undefined>
  /** When the key that signs became the current one. */
  signingSince: () => Date | undefined
  /** The JWK Set (RFC 7517 section 5): the next key, the current one and the retired ones; public members only. */
  publicKeys: () => PublicJwk[]
}

export interface KeyServiceOptions {
  repository: KeyRepository
  sealer: Sealer
  /** SIGNING_ALG. */
  algorithm: SigningAlgorithm
  /** Those that clients want for their ID tokens. They have keys beside the ones of `algorithm`, which rotate alike. */
  idTokenAlgorithms?: () => Promise<SigningAlgorithm[]>
  rotationSeconds: number
  /** The longest lifetime of a token. */
  tokenSeconds: number
  /** The longest lifetime of a session. */
  sessionSeconds: number
  /** Replaces a key that no encryption key opens. For development, where encryption keys are generated and get lost. */
  replaceUnusable: boolean
}

/** Other instances sign with a retired key until they read the database again. */
const MARGIN_SECONDS = 5 * 60
const LOOKUP_COOLDOWN_MS = 5_000
const BY_SCHEDULE: By = { actorId: null, caller: {}, details: { by: 'schedule' } }

interface LoadedKey extends VerificationKey { kid: string, status: KeyStatus, jwk: PublicJwk, row: SigningKeyRow }

export function createKeyService (options: KeyServiceOptions): KeyService {
  const { repository, sealer, algorithm, idTokenAlgorithms = async () => [] } = options
  let keys = new Map<string, LoadedKey>()
  const signing = new Map<SigningAlgorithm, { kid: string, signers: Record<TokenType, Signer> }>()
  let lookedUpAt = -Infinity
  let lookup: Promise<void> | undefined
  let preparing: Promise<void> | undefined

  async function load (): Promise<void> {
    const rows = await repository.list()
    keys = new Map(rows.map((row) => {
      const loaded = keys.get(row.kid)
      return [row.kid, loaded?.status === row.status ? { ...loaded, row } : toLoadedKey(row)]
    }))
    const currents = [...keys.values()].filter(({ status }) => status === 'current')
    const byAlgorithm = new Map(currents.map((key) => [key.alg as SigningAlgorithm, key]))
    // While instances with another SIGNING_ALG are being replaced, their key is the current one.
    const main = byAlgorithm.get(algorithm) ?? currents[0]
    if (main) byAlgorithm.set(algorithm, main)
    for (const [name, key] of byAlgorithm) loadSigner(name, key)
    for (const name of signing.keys()) {
      if (name !== algorithm && !byAlgorithm.has(name)) signing.delete(name)
    }
  }

  function loadSigner (name: SigningAlgorithm, { kid, alg, row }: LoadedKey): void {
    const privatePem = signing.get(name)?.kid === kid ? undefined : openPrivateKey(row)
    if (privatePem === undefined) return
    signing.set(name, { kid, signers: createSigners({ kid, alg: alg as SigningAlgorithm, privatePem }) })
  }

  const openPrivateKey = (row: SigningKeyRow) => sealer.open(row.sealedPrivateKey, row.kid)

  /** The plan for the keys of one of the algorithms that are needed. SIGNING_ALG replaces those that no longer are. */
  function plan (rows: SigningKeyRow[], { name, needed, force }: Change): KeyPlan {
    const own = rows.filter(({ alg }) => alg === name || (name === algorithm && !needed.has(alg)))
    const states = own.map((row): KeyState => {
      const status = row.status as KeyStatus
      return { ...row, status, isUsable: status === 'retired' || openPrivateKey(row) !== undefined }
    })
    const unusable = states.find(({ isUsable }) => !isUsable)
    if (unusable && !options.replaceUnusable) {
      throw new Error(`ENCRYPTION_KEYS: none of the keys opens the signing key ${unusable.kid}. ` +
        'Add the encryption key that was in use when the signing key was created.')
    }
    return planKeys(states, {
      now: new Date(),
      algorithm: name,
      rotationSeconds: options.rotationSeconds,
      retiredSeconds: Math.max(options.tokenSeconds, options.sessionSeconds) + MARGIN_SECONDS,
      force
    })
  }

  async function change (force: boolean, by: By, alsoNeeded: SigningAlgorithm[] = []): Promise<void> {
    const algorithms = new Set([algorithm, ...await idTokenAlgorithms(), ...alsoNeeded])
    const rows = await repository.list()
    for (const name of algorithms) {
      const work = { name, needed: algorithms as Set<string>, force }
      if (isEmpty(plan(rows, work))) continue
      // Created before the repository takes its lock: an RSA key may take a second.
      const fresh = [await createSealedKey(name), await createSealedKey(name)] as const
      await repository.change((rows) => toChanges(plan(rows, work), fresh), by)
    }
    await load()
  }

  async function createSealedKey (alg: SigningAlgorithm): Promise<SealedKey> {
    const { kid, publicJwk, privatePem } = await createKeyPair(alg)
    return { kid, alg, publicJwk, sealedPrivateKey: sealer.seal(privatePem, kid) }
  }

  async function find (kid: string): Promise<LoadedKey | undefined> {
    if (!keys.has(kid)) {
      if (!lookup && Date.now() - lookedUpAt >= LOOKUP_COOLDOWN_MS) {
        lookedUpAt = Date.now()
        lookup = load().finally(() => { lookup = undefined })
      }
      await lookup
    }
    return keys.get(kid)
  }

  /** True until the last token that the key signed has expired. */
  function isPublished ({ row: { retiredAt } }: LoadedKey): boolean {
    return retiredAt === null || Date.now() - retiredAt.getTime() <= (options.tokenSeconds + MARGIN_SECONDS) * 1000
  }

  return {
    maintain: () => change(false, BY_SCHEDULE),
    reload: load,
    rotate: (by) => change(true, by),
    list: async () => (await repository.list()).map(toKeyInfo),

    sign (type, claims, name = algorithm) {
      const key = signing.get(name)
      if (!key) throw new Error('The signing keys have not been loaded.')
      return key.signers[type](claims)
    },

    async prepare (name) {
      if (signing.has(name)) return
      preparing ??= change(false, BY_SCHEDULE, [name]).finally(() => { preparing = undefined })
      await preparing
    },

    algorithms: () => [...new Set([algorithm, ...signing.keys()])],

    async verificationKey (kid) {
      const key = await find(kid)
      return key && isPublished(key) ? key : undefined
    },

    retiredVerificationKey: find,

    signingSince: () => keys.get(signing.get(algorithm)?.kid ?? '')?.row.activatedAt ?? undefined,
    publicKeys: () => [...keys.values()].filter(isPublished).map(({ jwk }) => jwk)
  }
}

interface Change { name: SigningAlgorithm, needed: ReadonlySet<string>, force: boolean }

type SealedKey = Omit<KeyChanges['create'][number], 'status'>

function toChanges (plan: KeyPlan, [first, second]: readonly [SealedKey, SealedKey]): KeyChanges {
  const { activate, createNext, retire, remove } = plan
  const createCurrent = activate === 'new'
  return {
    retire,
    remove,
    activate: createCurrent ? undefined : activate,
    create: [
      ...createCurrent ? [{ ...first, status: 'current' }] : [],
      ...createNext ? [{ ...second, status: 'next' }] : []
    ]
  }
}

function toLoadedKey (row: SigningKeyRow): LoadedKey {
  const { kid, alg } = row
  const publicJwk = row.publicJwk as JsonWebKey
  const jwk: PublicJwk = { ...publicJwk, kid, alg, use: 'sig' }
  return { kid, alg, status: row.status as KeyStatus, publicPem: toPublicPem(publicJwk), jwk, row }
}

function toKeyInfo ({ kid, alg, status, createdAt, activatedAt, retiredAt }: SigningKeyRow): KeyInfo {
  return { kid, alg, status: status as KeyStatus, createdAt, activatedAt, retiredAt }
}
