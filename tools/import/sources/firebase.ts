import { parseJson } from '../../../src/http/json.ts'
import { email as toEmail, member } from '../../../src/providers/claims.ts'
import { idOf, items, time } from '../person.ts'
import { each, type Source } from '../source.ts'

/**
 * `firebase auth:export people.json` (https://firebase.google.com/docs/cli/auth#file_format): `{"users":[...]}`, times
 * in milliseconds. The command leaves out every provider but a few; `listUsers` of the Admin SDK has them all, in
 * members of other names, and a line of JSON for each of its users is read as well.
 */
export const firebase: Source = {
  id: 'firebase',
  name: 'Firebase Auth',
  format: 'json',

  people: each((user) => {
    const email = member(user, 'email')
    const emailVerified = member(user, 'emailVerified') === true
    const infos = items(member(user, 'providerUserInfo') ?? member(user, 'providerData'))
    const providers = infos.map((info) => String(member(info, 'providerId')))
    const claims = member(user, 'customClaims') ?? parseJson(String(member(user, 'customAttributes')))
    const has = (...names: string[]) => names.some((name) => member(user, name) !== undefined)
    const times = member(user, 'metadata')
    return {
      id: idOf(member(user, 'localId') ?? member(user, 'uid')),
      email,
      emailVerified,
      name: member(user, 'displayName'),
      avatarUrl: member(user, 'photoUrl') ?? member(user, 'photoURL'),
      createdAt: time(member(user, 'createdAt') ?? member(times, 'creationTime')),
      lastLoginAt: time(member(user, 'lastSignedInAt') ?? member(times, 'lastSignInTime')),
      isBlocked: member(user, 'disabled') === true,
      otherWays: [
        ...has('passwordHash') || providers.includes('password') ? ['password' as const] : [],
        ...has('phoneNumber') ? ['phone' as const] : [],
        ...providers.some((provider) => provider.startsWith('saml.')) ? ['SAML' as const] : [],
        ...!has('email', 'phoneNumber') && infos.length === 0 ? ['anonymous' as const] : []
      ],
      roles: member(claims, 'roles') ?? member(claims, 'role'),
      metadata: claims,
      identities: infos
        .filter((info) => !/^(password|phone|saml\..*)$/.test(String(member(info, 'providerId'))))
        .map((info) => ({
          provider: String(member(info, 'providerId')),
          subject: member(info, 'rawId') ?? member(info, 'uid'),
          email: member(info, 'email'),
          // The export has it of the user alone, whose address is in lower case.
          emailVerified: emailVerified && toEmail(member(info, 'email')) === toEmail(email),
          name: member(info, 'displayName'),
          avatarUrl: member(info, 'photoUrl') ?? member(info, 'photoURL')
        }))
    }
  })
}
