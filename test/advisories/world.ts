import { createHash, createPublicKey } from 'node:crypto'
import { importPKCS8, SignJWT } from 'jose'
import type { Test } from 'tap'
import { createSealer } from '../../src/vault/sealing.ts'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { setupWithClients, SPA, WEB } from '../flows/setup-with-clients.ts'
import { ENCRYPTION_KEYS, readJson } from '../helper.ts'

export const ORIGIN = 'https://app.example.com'
export const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }

interface Email {
  email: string | null
  emailVerified: boolean
}

export interface Tokens {
  access_token: string
  refresh_token: string
  user: Email & { id: string, avatarUrl: string | null, accounts: (Email & { id: string })[] }
}

/**
 * One Signet for the tests of a file: GitHub, `acme` whose word on email is trusted, `umbrella` whose word is not, and
 * three clients.
 */
export async function world (t: Test, environment: Record<string, string> = {}) {
  const [acme, umbrella] = await Promise.all([startFakeOidc(), startFakeOidc()])
  t.teardown(() => Promise.all([acme.close(), umbrella.close()]))
  const signet = await setupWithClients(t, {
    ...acme.settings('acme', { emailTrusted: true }),
    ...umbrella.settings('umbrella'),
    OIDC_PROVIDERS: 'acme,umbrella',
    ALLOWED_ORIGINS: ORIGIN,
    CLIENTS: JSON.stringify([SPA, WEB, TV]),
    ...environment
  })
  const { url, sql, github } = signet

  const login = async (provider = 'github', browser: Browser = createBrowser(url)): Promise<Tokens> =>
    (await browser.login(`/login/${provider}`)).json()

  /** A login that is done but for the callback. */
  async function begin (start = '/login/github', browser: Browser = createBrowser(url)) {
    const callback = new URL(await browser.authorize(await browser.start(start)))
    return {
      browser,
      callback,
      state: callback.searchParams.get('state') ?? '',
      code: callback.searchParams.get('code') ?? ''
    }
  }

  async function call (
    method: string,
    path: string,
    token?: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ) {
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const isJson = response.headers.get('content-type')?.includes('json')
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? await readJson(response) : await response.text()
    }
  }

  /** Of a token of Signet's own client, at this address. */
  const renew = (refreshToken: string, at = url) =>
    signet.token({ grant_type: 'refresh_token', refresh_token: refreshToken }, {}, at)

  /** How often a provider was asked for tokens. */
  const exchanges = () =>
    github.calls('/login/oauth/access_token').length +
    acme.calls(acme.paths.token).length +
    umbrella.calls(umbrella.paths.token).length

  const rows = async (table: string) => Number((await sql.query(`SELECT count(*) FROM ${table}`)).rows[0].count)

  /**
   * The public key as everybody has it, and JWTs signed with the private one: what only Signet can make, made wrong.
   */
  async function signing () {
    const [id = '', key = ''] = ENCRYPTION_KEYS.split(':')
    const {
      rows: [row]
    } = await sql.query("SELECT kid, public_jwk, sealed_private_key FROM signing_keys WHERE status = 'current'")
    const privateKey = await importPKCS8(
      createSealer([{ id, key: Buffer.from(key, 'base64') }], 'signing-key').open(
        row.sealed_private_key,
        row.kid
      ) as string,
      'ES256'
    )
    return {
      kid: row.kid as string,
      pem: createPublicKey({ key: row.public_jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString(),
      privateKey,
      sign: (claims: object, header: object = {}) =>
        new SignJWT({ ...claims })
          .setProtectedHeader({ alg: 'ES256', kid: row.kid, typ: 'at+jwt', ...header })
          .sign(privateKey, { crit: { x: true } } as never)
    }
  }

  return { ...signet, acme, umbrella, login, begin, call, renew, exchanges, rows, signing }
}

/** The name under which a browser keeps the login attempt of a state (src/sign-in/login-attempt.ts). */
export const attemptName = (state: string) =>
  `signet-login-${createHash('sha256').update(state).digest('base64url').slice(0, 16)}`

export const cookieHeader = (browser: Browser) =>
  browser.cookieHeader()
