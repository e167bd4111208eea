import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runAtTerminal } from '../program.ts'
import { newSecret, startWorld } from '../world.ts'

const CLIENT = {
  client_id: 'go',
  name: 'The Go program',
  redirect_uris: ['https://go.example.com/callback'],
  client_secret: newSecret(),
  id_token_signed_response_alg: 'RS256'
}

const GOPATH = '/usr/share/gocode'
const installed = ['/usr/bin/go', `${GOPATH}/src/github.com/coreos/go-oidc`, `${GOPATH}/src/golang.org/x/oauth2`]
  .every((path) => existsSync(path))
const withoutGo = !installed && 'Go with go-oidc and x/oauth2 is not installed here ' +
  '(Debian: apt-get install golang-go golang-github-coreos-go-oidc-dev golang-golang-x-oauth2-dev)'

t.test('go-oidc and x/oauth2 sign in as they come, verify and refresh', { skip: withoutGo }, async (t) => {
  const world = await startWorld(t, [CLIENT])
  const result = await runAtTerminal(t, world, ['/usr/bin/go', 'run', join(import.meta.dirname, 'main.go')], {
    GO111MODULE: 'off',
    GOPATH,
    CGO_ENABLED: '0',
    ISSUER: world.url,
    CLIENT_ID: CLIENT.client_id,
    CLIENT_SECRET: CLIENT.client_secret,
    REDIRECT_URI: CLIENT.redirect_uris[0] ?? ''
  })
  t.match(result, { subject: /./, email: 'octocat@github.com' })
  t.equal(result.userInfo, result.subject)
  t.equal(await world.me(result.access_token), 200)
})
