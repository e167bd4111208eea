import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { runAtTerminal } from '../program.ts'
import { newSecret, startWorld } from '../world.ts'

const CLIENT = {
  client_id: 'python',
  name: 'The Python script',
  redirect_uris: ['https://python.example.com/callback'],
  client_secret: newSecret()
}
const AUDIENCE = 'https://api.example.com'

// The distribution's Python is not always the first one in PATH.
const python = ['python3', '/usr/bin/python3']
  .find((command) => spawnSync(command, ['-c', 'import authlib, jwt, requests']).status === 0)
const withoutLibraries = python === undefined &&
  'Python with Authlib, PyJWT and requests is not installed here ' +
    '(Debian: apt-get install python3-authlib python3-jwt python3-requests)'

t.test('Authlib signs in through requests, Authlib and PyJWT verify', { skip: withoutLibraries }, async (t) => {
  const world = await startWorld(t, [CLIENT], { TOKEN_AUDIENCE: AUDIENCE })
  const result = await runAtTerminal(t, world, [python ?? '', join(import.meta.dirname, 'sign_in.py')], {
    AUTHLIB_INSECURE_TRANSPORT: '1', // http, as Signet has no certificate here
    ISSUER: world.url,
    CLIENT_ID: CLIENT.client_id,
    CLIENT_SECRET: CLIENT.client_secret,
    REDIRECT_URI: CLIENT.redirect_uris[0] ?? '',
    AUDIENCE
  })
  const { sub } = result.access
  t.match(result, {
    id: { sub, aud: CLIENT.client_id, email: 'octocat@github.com' },
    userinfo: { sub, name: 'The Octocat' },
    access: { client_id: CLIENT.client_id },
    revoked: 200
  })
})
