import { createHash, randomBytes } from 'node:crypto'
import type { AccountService } from '../accounts/service.ts'
import type { Caller } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import type { OpenedPageSession } from '../page-sessions/page-sessions.ts'
import type { SessionService, TokenResponse } from '../sessions/service.ts'
import { OWN_CLIENT_ID, OWN_SCOPE, toIdentityGrant, type IssueOptions } from '../tokens/grants.ts'
import type { UserRepository } from '../users/repository.ts'
import type { User } from '../users/user.ts'
import {
  ATTEMPT_LIFETIME_SECONDS,
  type CodeCompletion,
  type CookieCompletion,
  type DeviceCompletion,
  type DirectCompletion,
  type LoginCompletion,
  type PagesCompletion
} from './login-attempt.ts'
import type { NewSession, SignedIn } from './new-session.ts'
import type { IdentifiedPerson, SignIn } from './sign-in.ts'

/** RFC 6749 section 4.1.2 allows ten minutes; clients exchange a code at once. */
export const CODE_LIFETIME_SECONDS = 60

/** What a login ended in, with what it was started for. */
export type CompletedSignIn =
  | { outcome: 'tokens', completion: DirectCompletion | CookieCompletion, tokens: TokenResponse, user: User }
  | { outcome: 'code', completion: CodeCompletion, code: string }
  /** A session that waits until the person has allowed the client, or confirmed the device. */
  | { outcome: 'consent', completion: CodeCompletion, sessionId: string, user: User }
  | { outcome: 'device', completion: DeviceCompletion, sessionId: string, user: User }
  /** A session for Signet's own pages. */
  | { outcome: 'page', completion: PagesCompletion, page: OpenedPageSession }

export interface RequestedSession {
  clientId: string
  scope: string
  resources?: string[]
  issue?: IssueOptions
}

export interface CompletionOptions {
  signIn: SignIn
  users: Pick<UserRepository, 'find'>
  sessions: SessionService
  accounts: Pick<AccountService, 'createLinkCode'>
  idleSeconds: number
  maximumSeconds: number
}

/** Signs an identified person in, in the way that the login was started for. */
export function createCompletions ({
  signIn, users, sessions, accounts, idleSeconds, maximumSeconds
}: CompletionOptions) {
  const open = (who: IdentifiedPerson, session: Omit<NewSession, 'maximumSeconds'>, caller: Caller) =>
    signIn(who, { ...session, maximumSeconds }, caller)

  async function userOf ({ user, userId }: SignedIn): Promise<User> {
    const found = user ?? await users.find(userId)
    if (!found) throw new Problem('invalid_state', 'This user was deleted in the meantime. Start again.')
    return found
  }

  async function openSession (
    who: IdentifiedPerson, { clientId, scope, resources = [], issue }: RequestedSession, caller: Caller
  ): Promise<{ tokens: TokenResponse, user: User }> {
    const { secret, secretHash } = sessions.newSecret()
    const dpopJkt = issue?.key?.bindsRefreshTokens ? issue.key.jkt : undefined
    const session = { clientId, scope, resources, secretHash, dpopJkt, idleSeconds }
    const signedIn = await open(who, session, caller)
    const user = await userOf(signedIn)
    const { sessionId, authenticatedAt } = signedIn
    const grant = toIdentityGrant(user, { sessionId, clientId, scope, resources, authenticatedAt })
    return { tokens: await sessions.issue(grant, secret, issue), user }
  }

  /** The session is there at once, but lives no longer than the code until the code is exchanged. */
  async function createCode (who: IdentifiedPerson, completion: CodeCompletion, caller: Caller): Promise<string> {
    const { clientId, scope, resources = [], redirectUri, codeChallenge, nonce = null, dpopJkt } = completion
    const code = randomBytes(32).toString('base64url')
    const hash = createHash('sha256').update(code).digest()
    const session = {
      clientId,
      scope,
      resources,
      secretHash: sessions.newSecret().secretHash,
      idleSeconds: CODE_LIFETIME_SECONDS,
      code: { hash, redirectUri, codeChallenge, nonce, dpopJkt, lifetimeSeconds: CODE_LIFETIME_SECONDS }
    }
    await open(who, session, caller)
    return code
  }

  /** The session waits, for as long as a device does, for the person to confirm. No other device can have it. */
  async function openWaitingSession (
    who: IdentifiedPerson,
    { clientId, scope, resources = [] }: RequestedSession,
    caller: Caller,
    deviceCodeHash?: Buffer<ArrayBuffer>
  ): Promise<{ sessionId: string, user: User }> {
    const { secretHash } = sessions.newSecret()
    const session = {
      clientId,
      scope,
      resources,
      secretHash,
      idleSeconds: ATTEMPT_LIFETIME_SECONDS,
      ...deviceCodeHash === undefined ? {} : { deviceCodeHash }
    }
    const signedIn = await open(who, session, caller)
    return { sessionId: signedIn.sessionId, user: await userOf(signedIn) }
  }

  /** It lives as long as any other, and has no refresh token and no scope: no one learns its first secret. */
  async function openPageSession (who: IdentifiedPerson, caller: Caller): Promise<OpenedPageSession> {
    const { secret, secretHash: pageSecretHash } = sessions.newSecret()
    const { secretHash } = sessions.newSecret()
    const session = { clientId: OWN_CLIENT_ID, scope: '', secretHash, pageSecretHash, idleSeconds }
    const { sessionId } = await open(who, session, caller)
    return { sessionId, secret }
  }

  async function complete (
    completion: LoginCompletion, who: IdentifiedPerson & Required<Pick<IdentifiedPerson, 'tokens'>>, caller: Caller
  ): Promise<CompletedSignIn> {
    switch (completion.mode) {
      case 'direct':
      case 'cookie': {
        const opened = await openSession(who, { clientId: OWN_CLIENT_ID, scope: OWN_SCOPE }, caller)
        return { outcome: 'tokens', completion, ...opened }
      }
      case 'pages':
        return { outcome: 'page', completion, page: await openPageSession(who, caller) }
      case 'device': {
        const deviceCodeHash = Buffer.from(completion.deviceCodeHash, 'base64url')
        const waiting = await openWaitingSession(who, completion, caller, deviceCodeHash)
        return { outcome: 'device', completion, ...waiting }
      }
      case 'code':
        if (completion.intent === 'link') {
          const code = await accounts.createLinkCode(who.profile, who.tokens, completion)
          return { outcome: 'code', completion, code }
        }
        if (completion.consent) {
          return { outcome: 'consent', completion, ...await openWaitingSession(who, completion, caller) }
        }
        return { outcome: 'code', completion, code: await createCode(who, completion, caller) }
    }
  }

  return { openSession, complete }
}
