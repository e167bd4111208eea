import { createHash } from 'node:crypto'
import { recordEvents } from '../audit/events.ts'
import { activeSession, usableSession } from '../database/active-session.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Database } from '../database/database.ts'
import { lockUser } from '../database/lock-user.ts'
import { newestFirst, olderThan, type Position } from '../database/newest-first.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Caller } from '../http/caller.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import type { ConsentVisit } from '../sign-in/consent-visit.ts'
import type { Asked } from './asked.ts'

/** The client as the person saw it. */
export interface ConsentingClient { clientId: string, name: string, host: string | undefined, fingerprint: string }

export interface Grant {
  id: string
  clientId: string
  clientName: string
  clientHost: string | null
  resource: string
  scopes: string[]
  createdAt: Date
  updatedAt: Date
}

export interface NewCode { hash: NonSharedBuffer, lifetimeSeconds: number }

export interface ConsentRepository {
  /** Whether the user has consented to all of it, for this client as it is now. */
  covers: (userId: string, client: ConsentingClient, asked: Asked[]) => Promise<boolean>
  /**
   * Gives the waiting session its code, and keeps the consent unless it is `null`: once for each visit. False when the
   * visit was answered before, or its session has ended.
   */
  allow: (
    visit: ConsentVisit & { id: string },
    code: NewCode,
    consent: { client: ConsentingClient, asked: Asked[] } | null,
    caller: Caller
  ) => Promise<boolean>
  /** Ends the waiting session. False when the visit was answered before. */
  cancel: (visit: ConsentVisit & { id: string }, caller: Caller) => Promise<boolean>
  /** A user's grants, the newest first. */
  list: (userId: string, after: Position, count: number) => Promise<Grant[]>
  /** Takes the client's grants back and ends its sessions. False when there are none. */
  revoke: (userId: string, clientId: string, caller: Caller) => Promise<boolean>
}

/** A visit that was answered is remembered for longer than its cookie lives. */
const REMEMBER_SECONDS = 20 * 60

const GRANT = {
  id: true,
  clientId: true,
  clientName: true,
  clientHost: true,
  resource: true,
  scopes: true,
  createdAt: true,
  updatedAt: true
} as const

export function createConsentRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): ConsentRepository {
  /** Of many answers to one visit, one is the first. */
  async function isFirstAnswer (tx: Transaction, id: string): Promise<boolean> {
    const hash = createHash('sha256').update(`consent:${id}`).digest()
    const data = { hash, expiresAt: clock.inSeconds(REMEMBER_SECONDS) }
    const { count } = await tx.spentState.createMany({ data, skipDuplicates: true })
    return count === 1
  }

  /** What was granted to the client as it is now stays granted. */
  async function keep (tx: Transaction, userId: string, client: ConsentingClient, asked: Asked[]): Promise<void> {
    const { clientId, fingerprint, name: clientName, host: clientHost = null } = client
    for (const { resource, scopes } of asked) {
      const before = await tx.consent.findFirst({ where: { userId, clientId, resource } })
      const kept = before?.fingerprint === fingerprint ? before.scopes : []
      const granted = { scopes: [...new Set([...kept, ...scopes])], fingerprint, clientName, clientHost }
      if (before) await tx.consent.update({ where: { id: before.id }, data: { ...granted, updatedAt: clock.now() } })
      else await tx.consent.create({ data: { userId, clientId, resource, ...granted } })
    }
  }

  return {
    async covers (userId, { clientId, fingerprint }, asked) {
      const OR = asked.map(({ resource, scopes }) => ({ resource, scopes: { hasEvery: scopes } }))
      return await prisma.consent.count({ where: { userId, clientId, fingerprint, OR } }) === asked.length
    },

    allow: (visit, code, consent, caller) => retryingConflicts(() => prisma.$transaction(async (tx) => {
      const { id, sessionId, userId, completion } = visit
      const { clientId, redirectUri, codeChallenge, nonce = null, dpopJkt = null } = completion
      // Of a consent and its revocation at once, one comes first and the other sees it.
      if (!await lockUser(tx, userId) || !await isFirstAnswer(tx, id)) return false
      const where = { id: sessionId, userId, clientId, ...usableSession(clock.now()) }
      if (!await tx.session.findFirst({ where, select: { id: true } })) return false
      if (consent) {
        await keep(tx, userId, consent.client, consent.asked)
        const resources = consent.asked.map(({ resource }) => resource)
        const details = { sessionId, resources, scope: completion.scope }
        await recordEvents(tx, [{ type: 'consent.granted', userId, actorId: userId, clientId, details }], caller)
      }
      const { hash, lifetimeSeconds } = code
      const expiresAt = clock.inSeconds(lifetimeSeconds)
      const data = { hash, sessionId, clientId, redirectUri, codeChallenge, nonce, dpopJkt, expiresAt }
      await tx.authorizationCode.create({ data, select: { hash: true } })
      return true
    })),

    cancel: ({ id, sessionId, userId, completion: { clientId } }, caller) =>
      retryingConflicts(() => prisma.$transaction(async (tx) => {
        if (!await isFirstAnswer(tx, id)) return false
        const where = { id: sessionId, userId, clientId }
        await endSessions(tx, { where, reason: 'consent_denied', now: clock.now() }, { actorId: userId, caller })
        return true
      })),

    async list (userId, after, count) {
      const where = { userId, ...olderThan(after) }
      return await prisma.consent.findMany({ where, orderBy: newestFirst(), take: count, select: GRANT })
    },

    revoke: (userId, clientId, caller) => retryingConflicts(() => prisma.$transaction(async (tx) => {
      await lockUser(tx, userId)
      const where = { userId, clientId }
      const revoked = await tx.consent.findMany({ where, select: { resource: true } })
      if (revoked.length === 0) return false
      await tx.consent.deleteMany({ where })
      const details = { resources: revoked.map(({ resource }) => resource) }
      await recordEvents(tx, [{ type: 'consent.revoked', userId, actorId: userId, clientId, details }], caller)
      const now = clock.now()
      const sessions = { ...where, ...activeSession(now) }
      await endSessions(tx, { where: sessions, reason: 'consent_revoked', now }, { actorId: userId, caller })
      return true
    }))
  }
}
