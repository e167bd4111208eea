import type { Caller } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import type { RefreshLimit } from '../sessions/service.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import { OWN_CLIENT_ID, type IssueOptions } from '../tokens/grants.ts'
import { createHashedSecret, hashSecret } from '../tokens/refresh-token.ts'
import type { Resources } from '../tokens/resources.ts'
import { commonScope } from '../tokens/scope.ts'
import { encodePersonalToken, type PersonalToken } from './personal-token.ts'
import type {
  NewPersonalToken, PersonalTokenRepository, PersonalTokenRow, PresentedPersonalToken
} from './repository.ts'

/** What a personal token brings: it stays as it is, so there is no refresh token in the answer. */
export interface PersonalAccess {
  access_token: string
  token_type: 'Bearer' | 'DPoP'
  expires_in: number
  scope?: string
}

export interface PersonalTokens {
  /** The token, for its user's eyes now and never again, and its row. */
  create: (
    by: { userId: string, sessionId: string }, token: Omit<NewPersonalToken, 'secretHash'>, caller: Caller
  ) => Promise<{ row: PersonalTokenRow, refreshToken: string } | 'too-many' | undefined>
  /**
   * Exchanges one at the token endpoint. Throws `invalid_grant`, or `invalid_scope` or `invalid_target` for more than
   * it has.
   */
  exchange: (
    request: { token: PersonalToken, clientId: string, scope: string | undefined, issue: IssueOptions },
    limit: RefreshLimit
  ) => Promise<PersonalAccess>
  /** Undefined unless it works. */
  inspect: (token: PersonalToken) => ReturnType<PersonalTokenRepository['inspect']>
  end: (token: PersonalToken, caller: Caller) => Promise<void>
}

export interface PersonalTokenOptions {
  repository: PersonalTokenRepository
  accessTokens: Pick<AccessTokens, 'issue' | 'lifetimeSeconds'>
  resources: Pick<Resources, 'narrow'>
}

export function createPersonalTokens (
  { repository, accessTokens, resources }: PersonalTokenOptions
): PersonalTokens {
  return {
    async create (by, token, caller) {
      const { secret, secretHash } = createHashedSecret()
      const row = await repository.create(by, { ...token, secretHash }, caller)
      if (!row || row === 'too-many') return row
      return { row, refreshToken: encodePersonalToken({ sessionId: row.id, secret }) }
    },

    async exchange ({ token, clientId, scope, issue }, limit) {
      await limit.check(token.sessionId)
      const grant = clientId === OWN_CLIENT_ID ? await repository.use(toPresented(token)) : undefined
      if (!grant) {
        throw new OAuthError('invalid_grant',
          'The personal token has expired or was taken back, or a client was named with it.')
      }
      if (scope !== undefined && commonScope(scope, grant.scope) !== scope) {
        throw new OAuthError('invalid_scope', `The scope of this personal token is '${grant.scope}'.`)
      }
      await limit.add(token.sessionId)
      const narrowed = resources.narrow({ scope: scope ?? grant.scope, resources: grant.resources }, issue.resources)
      return {
        access_token: accessTokens.issue({ ...grant, ...narrowed, jkt: issue.key?.jkt }),
        token_type: issue.key === undefined ? 'Bearer' : 'DPoP',
        expires_in: accessTokens.lifetimeSeconds,
        ...narrowed.scope === '' ? {} : { scope: narrowed.scope }
      }
    },

    inspect: (token) => repository.inspect(toPresented(token)),
    end: (token, caller) => repository.endPresented(toPresented(token), caller)
  }
}

function toPresented ({ sessionId, secret }: PersonalToken): PresentedPersonalToken {
  return { sessionId, secretHash: hashSecret(secret) }
}
