import { randomUUID } from 'node:crypto'
import { parseJson } from '../http/json.ts'
import { Problem } from '../http/errors.ts'
import { isMetadataAddress } from '../http/metadata-services.ts'
import { member, text } from '../providers/claims.ts'
import { networkReason } from '../providers/http.ts'
import type { Profile } from '../providers/provider.ts'
import { checkMetadata, type Metadata } from '../users/metadata.ts'
import { toBody } from '../webhooks/message.ts'
import { post } from '../webhooks/post.ts'
import { signedHeaders } from '../webhooks/signing.ts'

/** What the hook gives a new user. */
export interface CreationGrant { roles: string[], metadata?: Metadata }

/**
 * Asks the operator's own service whether a person may become a user, and with which roles and metadata. Throws
 * `access_denied` when not.
 */
export type CreationHook = (profile: Profile) => Promise<CreationGrant>

export interface CreationHookOptions {
  url: string
  secret: string
  /** What no good answer in time means. */
  onFailure: 'deny' | 'allow'
  onError: (reason: string) => void
}

/** In all: the person waits. */
const TIMEOUT_MS = 3_000
const REASON_LENGTH = 200
const MAX_ROLES = 20

/** Everybody may come. */
export const noCreationHook: CreationHook = async () => ({ roles: [] })

/**
 * The question is a signed message of the type `before.user.created`; the answer is 200 and
 * `{ allow: true, roles?, metadata? }`
 * or `{ allow: false, reason? }`.
 */
export function createCreationHook ({ url, secret, onFailure, onError }: CreationHookOptions): CreationHook {
  async function ask (profile: Profile): Promise<Verdict> {
    const { provider, issuer, subject, username, email, emailVerified, name, avatarUrl, locale } = profile
    const data = { profile: { provider, issuer, subject, username, email, emailVerified, name, avatarUrl, locale } }
    const body = toBody({ type: 'before.user.created', timestamp: new Date(), data })
    const headers = { accept: 'application/json', ...signedHeaders(randomUUID(), body, [secret]) }
    // The operator chose the address: it may be a private one.
    const mayReach = (address: string) => !isMetadataAddress(address)
    const answer = await post(url, { headers, body, signal: AbortSignal.timeout(TIMEOUT_MS), mayReach })
    if (answer.status !== 200) throw new BadAnswer(`HTTP ${answer.status}`)
    return readVerdict(parseJson(answer.body ?? '')) ?? fail('not an answer')
  }

  return async (profile) => {
    const verdict = await ask(profile).catch((error: unknown): Verdict => {
      onError(error instanceof BadAnswer ? error.message : networkReason(error))
      return onFailure === 'allow'
        ? { roles: [] }
        : { denied: 'Whether you may sign up could not be checked. Try again later.' }
    })
    if ('denied' in verdict) throw new Problem('access_denied', verdict.denied)
    return verdict
  }
}

type Verdict = CreationGrant | { denied: string }

class BadAnswer extends Error {}

function fail (reason: string): never {
  throw new BadAnswer(reason)
}

/** A no is a no, whatever else is wrong with it. */
function readVerdict (answer: unknown): Verdict | undefined {
  const allow = member(answer, 'allow')
  const roles = member(answer, 'roles') ?? []
  if (allow === false) return { denied: text(member(answer, 'reason'), REASON_LENGTH) ?? 'New users are not let in.' }
  const metadata = member(answer, 'metadata') ?? undefined
  if (allow !== true || !areRoles(roles) || !isMetadata(metadata)) return undefined
  return { roles: [...new Set(roles)], ...metadata && { metadata } }
}

function isMetadata (metadata: unknown): metadata is Metadata | undefined {
  if (metadata === undefined) return true
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return false
  try {
    checkMetadata(metadata as Metadata)
    return true
  } catch {
    return false
  }
}

function areRoles (roles: unknown): roles is string[] {
  return (
    Array.isArray(roles) &&
    roles.length <= MAX_ROLES &&
    roles.every((role) => typeof role === 'string' && /^[a-z][a-z0-9_.:-]{0,49}$/.test(role))
  )
}
