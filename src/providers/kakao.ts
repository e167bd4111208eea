import { parseJson } from '../http/json.ts'
import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { asksNewSignIn } from './login-parameters.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'
import { acceptRevocation } from './revocation.ts'

export const kakao: ProviderDefinition = {
  id: 'kakao',
  name: 'Kakao',
  documentation: ['https://developers.kakao.com/docs/latest/en/kakaologin/rest-api'],
  console:
    'https://developers.kakao.com/console/app, with Kakao Login activated; the REST API key is the client id, and' +
      ' its client secret must be activated',
  scope: [],
  quirks: [
    'No scope is requested, so that people consent to the items that the app has in the console; requesting one ' +
      'that it lacks fails the login (KOE205). The email is the consent item `account_email`, which needs a Biz ' +
      'App.',
    'The subject is the numeric `id`, which differs from app to app.',
    'An email with `is_email_valid: false` has moved to another Kakao account and is ignored.',
    'Revocation unlinks the person from the app, by `/v1/user/unlink` beside the `/v2` of `KAKAO_API_URL`.'
  ],

  create (settings) {
    return createOAuthProvider(kakao, settings, {
      authorizationUrl: 'https://kauth.kakao.com/oauth/authorize',
      tokenUrl: 'https://kauth.kakao.com/oauth/token',
      apiUrl: 'https://kapi.kakao.com/v2',
      authentication: 'body',
      loginParameters: (asked) => ({
        prompt: [
          ...asksNewSignIn(asked) ? ['login'] : [],
          ...asked.prompt.includes('select_account') ? ['select_account'] : []
        ].join(','),
        login_hint: asked.loginHint
      }),

      async readProfile ({ get }) {
        // Without `secure_resource` the URL of the picture is http.
        const user = await get('/user/me?secure_resource=true', 'profile')
        const account = member(user, 'kakao_account')
        const profile = member(account, 'profile')
        const address = member(account, 'is_email_valid') === false ? null : email(member(account, 'email'))
        return {
          subject: member(user, 'id'),
          username: null,
          email: address,
          emailVerified: address !== null && emailTrust('kakao').isVerified(member(account, 'is_email_verified')),
          name: text(member(profile, 'nickname')) ?? text(member(account, 'name')),
          avatarUrl: avatarUrl(member(profile, 'profile_image_url')),
          locale: null
        }
      },

      // https://developers.kakao.com/docs/latest/en/kakaologin/rest-api#unlink
      async revocation ({ accessToken }, { apiUrl, call }) {
        const url = `${apiUrl.replace(/\/v2$/, '/v1')}/user/unlink`
        const { status, text } = await call('POST', url, { headers: { authorization: `Bearer ${accessToken}` } })
        if (!isInvalidToken(status, parseJson(text))) acceptRevocation(kakao.name, status)
      }
    })
  }
}

/**
 * {"code":-401,"msg":"this access token does not exist"}, or "... is already expired". A caller whose address the app
 * does not list gets this code too: https://devtalk.kakao.com/t/topic/134883
 */
function isInvalidToken (status: number, answer: unknown): boolean {
  return status === 401 && member(answer, 'code') === -401 && /^this access token /.test(String(member(answer, 'msg')))
}
