import { execFile, spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { startWorld, type World } from '../clients/world.ts'
import { ENCRYPTION_KEYS } from '../helper.ts'
import {
  createVisitor, deployFile, findPlace, findProgram, replaceAll, startCaddy, startNginx, type Place
} from './reverse-proxy.ts'

const nginx = findProgram('nginx')
const caddy = findProgram('caddy')
const withoutNginx = nginx === undefined && 'nginx is not installed here (Debian: apt-get install nginx-light)'
const withoutCaddy = caddy === undefined && 'Caddy is not installed here (Debian: apt-get install caddy)'

const SPA = { client_id: 'spa', name: 'App', redirect_uris: ['https://app.example.com/callback'] }
// On Linux every address of 127.0.0.0/8 is this machine's: the visitor's is not the proxy's.
const VISITOR = '127.0.0.7'

/** Signet whose public URL is that of a proxy which is not there yet. `address` is where it listens. */
async function startSignet (t: Test, issuerUrl: string) {
  const world = await startWorld(t, [SPA], { ISSUER_URL: issuerUrl, TRUST_PROXY: '127.0.0.1' })
  return { ...world, address: addressOf(world.app) }
}

const addressOf = ({ server }: World['app']) => `127.0.0.1:${(server.address() as AddressInfo).port}`

/** deploy/nginx/signet.conf for this place. */
const nginxSite = async ({ httpPort, httpsPort, certificate, key, folder }: Place, address: string) =>
  replaceAll(await deployFile('nginx/signet.conf'), {
    'listen 80;': `listen 127.0.0.1:${httpPort};`,
    'listen 443 ssl': `listen 127.0.0.1:${httpsPort} ssl`,
    '  listen [::]:80;\n': '',
    '  listen [::]:443 ssl http2;\n': '',
    'return 301 https://id.example.com': `return 301 https://localhost:${httpsPort}`,
    'id.example.com;': 'localhost;',
    '/etc/letsencrypt/live/id.example.com/fullchain.pem': certificate,
    '/etc/letsencrypt/live/id.example.com/privkey.pem': key,
    '/var/log/nginx/signet.log': join(folder, 'signet.log'),
    '/var/www/html': folder,
    '127.0.0.1:3000': address
  })

/** Signs in from the visitor's address, and returns the address that the audit trail has. */
async function signIn (t: Test, { sql, url }: World, place: Place, from = VISITOR, ...options: string[]) {
  const visit = createVisitor(place, from)
  const { status, body } = await visit(`${url}/login/github`, '--location', ...options)
  t.equal(status, 200, 'the sign-in')
  const { access_token: accessToken, user } = JSON.parse(body)
  t.equal(user.name, 'The Octocat')
  t.equal((await visit(`${url}/me`, '--header', `Authorization: Bearer ${accessToken}`)).status, 200)
  const { rows } = await sql.query(
    "SELECT ip_address FROM audit_events WHERE type = 'login.succeeded' ORDER BY created_at DESC LIMIT 1"
  )
  return rows[0]?.ip_address
}

/** What both proxies do for Signet. */
async function keepsItsPromises (t: Test, world: World, place: Place) {
  const { url } = world
  const visit = createVisitor(place, VISITOR)
  t.equal(await signIn(t, world, place), VISITOR)
  const claimed = ['--header', 'X-Forwarded-For: 203.0.113.9', '--header', 'Forwarded: for=203.0.113.9']
  t.equal(await signIn(t, world, place, VISITOR, ...claimed), VISITOR, 'nobody chooses an address')
  t.equal((await visit(`${url}/metrics`)).status, 404, 'metrics are for Prometheus alone')
  const large = await visit(`${url}/oauth2/token`, '--data', `grant_type=${'x'.repeat(70_000)}`)
  t.equal(large.status, 413, 'no larger body than Signet takes')
  const request = new URLSearchParams({
    response_type: 'code',
    client_id: 'spa',
    redirect_uri: SPA.redirect_uris[0] ?? '',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    provider: 'github',
    state: 's'.repeat(2000)
  })
  for (let tab = 1; tab <= 3; tab++) {
    const { status, body } = await visit(`${url}/oauth2/authorize?${request}`)
    t.equal(status, 302, `a long state in tab ${tab}: ${body}`)
  }
}

t.test('behind nginx with deploy/nginx/signet.conf', { skip: withoutNginx }, async (t) => {
  const place = await findPlace(t)
  const world = await startSignet(t, place.origin)
  await startNginx(t, nginx ?? '', place, [await nginxSite(place, world.address)])
  await keepsItsPromises(t, world, place)
  const plain = await fetch(`http://127.0.0.1:${place.httpPort}/login?x=1`, { redirect: 'manual' })
  t.match([plain.status, plain.headers.get('location')], [301, `${place.origin}/login?x=1`], 'http leads to https')
  await mkdir(join(place.folder, '.well-known/acme-challenge'), { recursive: true })
  await writeFile(join(place.folder, '.well-known/acme-challenge/x'), 'the challenge')
  const challenge = await fetch(`http://127.0.0.1:${place.httpPort}/.well-known/acme-challenge/x`)
  t.equal(await challenge.text(), 'the challenge', 'certbot can renew the certificate')
  t.notMatch(await readFile(join(place.folder, 'signet.log'), 'utf8'), /code=|state=|\?/, 'no code is in the log')
})

t.test('below a path with deploy/nginx/below-a-path.conf', { skip: withoutNginx }, async (t) => {
  const place = await findPlace(t)
  const world = await startSignet(t, `${place.origin}/auth`)
  const locations = replaceAll(await deployFile('nginx/below-a-path.conf'), { '127.0.0.1:3000': world.address })
  await startNginx(t, nginx ?? '', place, [`
    server { listen 127.0.0.1:${place.httpPort}; }
    server {
      listen 127.0.0.1:${place.httpsPort} ssl;
      ssl_certificate ${place.certificate};
      ssl_certificate_key ${place.key};
      ${locations}
    }`])
  await worksBelow(t, world, place)
})

/** Signet at /auth of a server that has more. */
async function worksBelow (t: Test, world: World, place: Place) {
  const { url } = world
  await keepsItsPromises(t, world, place)
  const visit = createVisitor(place, VISITOR)
  for (const document of [
    `${place.origin}/.well-known/oauth-authorization-server/auth`,
    `${place.origin}/.well-known/openid-configuration/auth`,
    `${url}/.well-known/openid-configuration`
  ]) t.match(JSON.parse((await visit(document)).body), { issuer: url }, document)
  t.match(JSON.parse((await visit(url)).body), { issuer: url })
  t.notMatch((await visit(`${place.origin}/login`)).body, 'Signet', 'the rest of the server is not Signet')
}

t.test('behind Cloudflare and nginx the address is what Cloudflare reports', { skip: withoutNginx }, async (t) => {
  const place = await findPlace(t)
  const cloudflare = await deployFile('nginx/cloudflare.conf')
  const world = await startSignet(t, place.origin)
  const site = await nginxSite(place, world.address)
  await startNginx(t, nginx ?? '', place, [site, `${cloudflare}set_real_ip_from ${VISITOR};`])
  const reported = ['--header', 'CF-Connecting-IP: 203.0.113.9']
  t.equal(await signIn(t, world, place, VISITOR, ...reported), '203.0.113.9')
  t.equal(await signIn(t, world, place, '127.0.0.8', ...reported), '127.0.0.8', 'from no one else')
})

/** A Caddyfile of deploy/caddy for this place. */
async function caddyfile (name: string, host: string, { certificate, key, httpsPort }: Place, address: string) {
  return replaceAll(await deployFile(`caddy/${name}`), {
    [`\n${host} {`]: `\nlocalhost:${httpsPort} {\n\ttls ${certificate} ${key}\n\tbind 127.0.0.1`,
    '127.0.0.1:3000': address
  })
}

t.test('behind Caddy with deploy/caddy/Caddyfile', { skip: withoutCaddy }, async (t) => {
  const place = await findPlace(t)
  const world = await startSignet(t, place.origin)
  await startCaddy(t, caddy ?? '', place, await caddyfile('Caddyfile', 'id.example.com', place, world.address))
  await keepsItsPromises(t, world, place)
})

t.test('below a path with deploy/caddy/below-a-path.Caddyfile', { skip: withoutCaddy }, async (t) => {
  const place = await findPlace(t)
  const world = await startSignet(t, `${place.origin}/auth`)
  const file = await caddyfile('below-a-path.Caddyfile', 'example.com', place, world.address)
  await startCaddy(t, caddy ?? '', place, file)
  await worksBelow(t, world, place)
})

t.test('npm run doctor names the address to trust, and is content with it', { skip: withoutNginx }, async (t) => {
  for (const [trustProxy, words] of [
    ['false', /! proxy: .* Signet takes everyone for 127\.0\.0\.1\n +Set TRUST_PROXY=127\.0\.0\.1:/],
    ['127.0.0.1', /✓ proxy: Signet takes this machine for 127\.0\.0\.1/]
  ] as const) {
    const place = await findPlace(t)
    const settings = { ISSUER_URL: place.origin, TRUST_PROXY: trustProxy }
    const { github, database, app } = await startWorld(t, [], settings)
    await startNginx(t, nginx ?? '', place, [await nginxSite(place, addressOf(app))])
    const env = {
      PATH: process.env['PATH'],
      ...github.settings,
      ...settings,
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS,
      NODE_EXTRA_CA_CERTS: place.certificate
    }
    const program = ['--import=tsx', join(packageRoot, 'tools/doctor.ts')]
    t.match((await promisify(execFile)(process.execPath, program, { cwd: packageRoot, env })).stdout, words)
  }
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).error === undefined
const withoutSystemd = !hasSystemd && 'systemd is not installed here (Debian: apt-get install systemd)'

t.test('systemd takes the unit, and finds little that it could do', { skip: withoutSystemd }, async (t) => {
  const place = await findPlace(t)
  const unit = join(place.folder, 'signet.service')
  await writeFile(unit, replaceAll(await deployFile('systemd/signet.service'), {
    '/usr/bin/node': process.execPath, '/opt/signet': packageRoot
  }))
  const analyze = (...args: string[]) => promisify(execFile)('systemd-analyze', [...args, unit])
  const { stderr } = await analyze('verify')
  t.equal(stderr, '', 'it has no mistake')
  // Its scale ends at 10.0 (100 here); most services of a distribution are above 9.
  await analyze('security', '--offline=yes', '--no-pager', '--threshold=20')
})
