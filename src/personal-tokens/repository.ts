import { v7 as uuidv7 } from 'uuid'
import { recordEvents } from '../audit/events.ts'
import { activeSession, usableSession } from '../database/active-session.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import type { Caller } from '../http/caller.ts'
import { endSessions, type EndReason } from '../sessions/end-sessions.ts'
import type { SessionState } from '../sessions/repository.ts'
import { GRANT_SELECT, toGrant } from '../sessions/session-grant.ts'
import { OWN_CLIENT_ID, type IdentityGrant } from '../tokens/grants.ts'
import { lockUser } from '../database/lock-user.ts'

/** A personal token is a session that a person did not sign in to, but made from one: it ends as sessions do. */
export interface PersonalTokenRow {
  id: string
  personalToken: string | null
  scope: string
  resources: string[]
  createdAt: Date
  lastUsedAt: Date
  expiresAt: Date
}

export interface NewPersonalToken {
  name: string
  scope: string
  resources: string[]
  expiresInDays: number
  secretHash: NonSharedBuffer
}

/** The session that a presented token is, and the hash of the secret that it has. */
export interface PresentedPersonalToken { sessionId: string, secretHash: NonSharedBuffer }

export interface PersonalTokenRepository {
  /** Those that work, newest first. */
  list: (userId: string, after: Position, count: number) => Promise<PersonalTokenRow[]>
  /**
   * Makes one from a session in which the person signed in, with its `auth_time`, account and provider. Undefined when
   * that session has ended.
   */
  create: (
    by: { userId: string, sessionId: string }, token: NewPersonalToken, caller: Caller
  ) => Promise<PersonalTokenRow | 'too-many' | undefined>
  /** True when this call ended it; false for another user's, for one that has ended, and for other sessions. */
  end: (userId: string, id: string, caller: Caller) => Promise<boolean>
  /** The grant of a token that works. Notes the use, at most once a minute. */
  use: (token: PresentedPersonalToken) => Promise<IdentityGrant | undefined>
  /** The same without the note. */
  inspect: (token: PresentedPersonalToken) => Promise<SessionState | undefined>
  /** Ends the presented token, without a signed-in user. */
  endPresented: (token: PresentedPersonalToken, caller: Caller) => Promise<void>
}

/** Enough for scripts, and few enough to look through. */
export const MAX_PERSONAL_TOKENS = 50
const DAY_SECONDS = 24 * 60 * 60
const USE_NOTED_EVERY_SECONDS = 60

const FIELDS = {
  id: true, personalToken: true, scope: true, resources: true, createdAt: true, lastUsedAt: true, expiresAt: true
} as const
const IS_PERSONAL = { personalToken: { not: null } }

export function createPersonalTokenRepository ({ prisma, clock }: Database): PersonalTokenRepository {
  const presented = ({ sessionId, secretHash }: PresentedPersonalToken) => ({
    id: sessionId, secretHash: Uint8Array.from(secretHash), ...IS_PERSONAL, ...usableSession(clock.now())
  })

  const end = (where: object, reason: EndReason, userId: string, caller: Caller) =>
    retryingConflicts(() => prisma.$transaction(async (tx) => {
      const now = clock.now()
      const ended = { where: { ...where, userId, ...IS_PERSONAL, ...activeSession(now) }, reason, now }
      return (await endSessions(tx, ended, { actorId: userId, caller })).length === 1
    }))

  return {
    async list (userId, after, count) {
      const where = { userId, ...IS_PERSONAL, ...activeSession(clock.now()), ...olderThan(after) }
      return await prisma.session.findMany({ where, select: FIELDS, orderBy: newestFirst(), take: count })
    },

    create: ({ userId, sessionId }, token, caller) => prisma.$transaction(async (tx) => {
      // A request that ends all sessions of the user takes this lock too: it ends the one made here, or is done before.
      // The lock also keeps the count true.
      if (!await lockUser(tx, userId)) return undefined
      const now = clock.now()
      const origin = await tx.session.findFirst({
        where: { id: sessionId, userId, personalToken: null, ...usableSession(now) },
        select: { accountId: true, provider: true, authenticatedAt: true }
      })
      if (!origin) return undefined
      const existing = await tx.session.count({ where: { userId, ...IS_PERSONAL, ...activeSession(now) } })
      if (existing >= MAX_PERSONAL_TOKENS) return 'too-many'
      const { name, scope, resources, expiresInDays, secretHash } = token
      const expiresAt = clock.inSeconds(expiresInDays * DAY_SECONDS)
      const { ipAddress, userAgent } = caller
      const created = await tx.session.create({
        data: {
          ...origin,
          id: uuidv7(),
          userId,
          clientId: OWN_CLIENT_ID,
          scope,
          resources,
          secretHash: Uint8Array.from(secretHash),
          personalToken: name,
          ipAddress,
          userAgent,
          idleExpiresAt: expiresAt,
          expiresAt
        },
        select: FIELDS
      })
      const details = { sessionId: created.id, name, scope, resources, expiresAt: expiresAt.toISOString() }
      const { provider } = origin
      await recordEvents(tx, [{ type: 'personal_token.created', userId, actorId: userId, provider, details }], caller)
      return created
    }),

    end: (userId, id, caller) => end({ id }, 'ended_by_user', userId, caller),

    async use (token) {
      const session = await prisma.session.findFirst({
        where: presented(token), select: GRANT_SELECT, relationLoadStrategy: 'join'
      })
      if (!session) return undefined
      await prisma.session.updateMany({
        where: { id: session.id, lastUsedAt: { lt: clock.inSeconds(-USE_NOTED_EVERY_SECONDS) } },
        data: { lastUsedAt: clock.now() }
      })
      return { ...toGrant(session), isPersonalToken: true }
    },

    async inspect (token) {
      const select = {
        userId: true, clientId: true, scope: true, resources: true, createdAt: true, expiresAt: true
      }
      return await prisma.session.findFirst({ where: presented(token), select }) ?? undefined
    },

    async endPresented (token, caller) {
      const session = await prisma.session.findFirst({ where: presented(token), select: { id: true, userId: true } })
      if (session) await end({ id: session.id }, 'revoked', session.userId, caller)
    }
  }
}
