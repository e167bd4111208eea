import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startWorld, type World } from '../clients/world.ts'
import { createBrowser } from '../fakes/browser.ts'
import { checkTypes, installExample } from './installed.ts'

const REDIRECT_URI = 'com.example.app:/callback'
const CLIENT = { client_id: 'expo', name: 'Expo app', redirect_uris: [REDIRECT_URI] }

/** What the phone does for the app, in place of Expo's native modules. */
interface Phone {
  /** What is in the Keychain or the Keystore. */
  stored: Map<string, string>
  /** The system's browser: where it comes back to, or undefined when the person closes it. */
  browse: (url: string) => Promise<URL | undefined>
}

/** JavaScript of the modules that call native code. The rest of expo-auth-session is its own. */
const NATIVE: Record<string, string> = {
  'react-native': "export const Platform = { OS: 'ios', select: (choices) => choices.default }",
  'expo-constants': 'export default {}; export const ExecutionEnvironment = {}',
  'expo-linking': 'export default {}',
  'expo-modules-core': `
    export const Platform = { OS: 'ios' }
    export class CodedError extends Error { constructor (code, message) { super(message); this.code = code } }`,
  'expo-crypto': `
    import { createHash, webcrypto } from 'node:crypto'
    export const getRandomValues = (array) => webcrypto.getRandomValues(array)
    export const CryptoDigestAlgorithm = { SHA256: 'sha256' }
    export const CryptoEncoding = { BASE64: 'base64', HEX: 'hex' }
    export const digestStringAsync = async (algorithm, text, { encoding }) =>
      createHash(algorithm).update(text).digest(encoding)`,
  'expo-secure-store': `
    import { phone } from './phone.mjs'
    export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 1
    export const getItemAsync = async (key) => phone.stored.get(key) ?? null
    export const setItemAsync = async (key, value) => { phone.stored.set(key, value) }
    export const deleteItemAsync = async (key) => { phone.stored.delete(key) }`,
  'expo-web-browser': `
    import { phone } from './phone.mjs'
    export const dismissAuthSession = () => {}
    export async function openAuthSessionAsync (url) {
      const back = await phone.browse(url)
      return back ? { type: 'success', url: back.href } : { type: 'cancel' }
    }`
}

/** What examples/expo/signet.ts exports. */
interface App {
  signIn: () => Promise<boolean>
  signOut: () => Promise<void>
  getAccessToken: () => Promise<string | undefined>
  callSignet: (path: string) => Promise<unknown>
}

let started = 0

/** The example's signet.ts as an app that was just started, with what the phone has stored. */
async function startApp (folder: string, issuer: string, phone: Phone): Promise<App> {
  const outDir = join(folder, `run-${started++}`)
  await mkdir(outDir)
  await writeFile(join(outDir, 'phone.mjs'), 'export const phone = {}')
  const outfile = join(outDir, 'app.mjs')
  await build({
    entryPoints: [join(folder, 'signet.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['./phone.mjs'],
    define: { 'process.env.EXPO_PUBLIC_SIGNET_URL': JSON.stringify(issuer), __DEV__: 'false' },
    plugins: [{
      name: 'phone',
      setup ({ onResolve, onLoad }) {
        const names = new RegExp(`^(${Object.keys(NATIVE).join('|')})$`)
        onResolve({ filter: names }, ({ path }) => ({ path, namespace: 'native' }))
        onResolve({ filter: /phone\.mjs$/ }, ({ path }) => ({ path, external: true }))
        onLoad({ filter: /.*/, namespace: 'native' }, ({ path }) => (
          { contents: NATIVE[path] ?? '', resolveDir: folder }
        ))
      }
    }]
  })
  Object.assign((await import(pathToFileURL(join(outDir, 'phone.mjs')).href)).phone, phone)
  return await import(pathToFileURL(outfile).href) as App
}

// To install takes a minute or more where the machine is busy.
t.setTimeout(600_000)

let folder: string
t.before(async () => {
  folder = await installExample(t, 'expo')
})

t.test('the Expo app has no mistake in its types', (t) => t.resolves(checkTypes(folder)))

/** A person who clicks on the provider's link: the page stands before each sign-in to an app with its own scheme. */
async function choose ({ url }: World, authorizationUrl: string): Promise<URL> {
  const browser = createBrowser(url)
  const { text } = await browser.get(authorizationUrl)
  const [, link = ''] = /href="([^"]*provider=github[^"]*)"/.exec(text) ?? []
  const start = new URL(link.replaceAll('&amp;', '&'), authorizationUrl)
  return new URL((await browser.login(start.href)).location ?? '')
}

const refreshTokenOf = ({ stored }: Phone) => [...stored.values()].join()

t.test('the Expo app signs in, refreshes after a restart and signs out', async (t: Test) => {
  const world = await startWorld(t, [CLIENT])
  const asked: URL[] = []
  const phone: Phone = {
    stored: new Map(),
    browse: async (url) => {
      asked.push(new URL(url))
      return await choose(world, url)
    }
  }
  const app = await startApp(folder, world.url, phone)
  t.equal(await app.getAccessToken(), undefined, 'nobody is signed in')
  t.equal(await app.signIn(), true)
  const request = Object.fromEntries(asked[0]?.searchParams ?? [])
  t.match(request, {
    response_type: 'code',
    client_id: 'expo',
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email',
    code_challenge_method: 'S256',
    code_challenge: /^[\w-]{43}$/,
    state: /./
  })
  t.match(await app.callSignet('/me'), { name: 'The Octocat' })
  const first = await app.getAccessToken() ?? ''
  t.equal(await app.getAccessToken(), first, 'a token that is fresh is not refreshed')
  t.match(decodeJwt(first), { client_id: 'expo' })
  t.notMatch(refreshTokenOf(phone), first, 'the access token is not stored')

  const before = refreshTokenOf(phone)
  const again = await startApp(folder, world.url, phone)
  const both = await Promise.all([again.getAccessToken(), again.getAccessToken()])
  t.equal(both[0], both[1], 'two callers share a refresh')
  t.equal(await world.me(both[0] ?? ''), 200)
  t.not(refreshTokenOf(phone), before, 'the new refresh token is stored')

  await again.signOut()
  t.equal(await world.me(both[0] ?? ''), 401, "Signet's session has ended")
  t.same([...phone.stored], [])
  t.equal(await again.getAccessToken(), undefined)
})

t.test('the Expo app keeps the sign-in while Signet is away, and forgets one that has ended', async (t: Test) => {
  const world = await startWorld(t, [CLIENT])
  const phone: Phone = { stored: new Map(), browse: (url) => choose(world, url) }
  await (await startApp(folder, world.url, phone)).signIn()

  const away = await startApp(folder, 'http://127.0.0.1:9', phone)
  await t.rejects(away.getAccessToken(), 'a network that is away')
  await t.rejects(away.signOut())
  t.equal(phone.stored.size, 1, 'signs nobody out')

  await world.sql.query("UPDATE sessions SET revoked_at = now(), revocation_reason = 'admin'")
  const ended = await startApp(folder, world.url, phone)
  t.equal(await ended.getAccessToken(), undefined)
  t.equal(phone.stored.size, 0)

  phone.browse = async () => undefined
  t.equal(await (await startApp(folder, world.url, phone)).signIn(), false, 'the person closed the browser')
  phone.browse = async (url) => {
    const state = new URL(url).searchParams.get('state') ?? ''
    return new URL(`${REDIRECT_URI}?${new URLSearchParams({ error: 'access_denied', state })}`)
  }
  await t.rejects((await startApp(folder, world.url, phone)).signIn(), { code: 'access_denied' })
  phone.browse = async () => new URL(`${REDIRECT_URI}?code=x&state=made-up`)
  await t.rejects((await startApp(folder, world.url, phone)).signIn(), 'an answer to another request')
})
