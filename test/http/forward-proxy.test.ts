import t from 'tap'
import { createProxyChoice } from '../../src/http/forward-proxy.ts'

const PROXIES = { httpsProxy: 'http://secure.proxy:3128', httpProxy: 'plain.proxy' }

t.test('each scheme has its proxy, and this machine none', async (t) => {
  const choose = createProxyChoice(PROXIES)
  t.equal(choose(new URL('https://github.com/x'))?.href, 'http://secure.proxy:3128/')
  t.equal(choose(new URL('http://github.com/x'))?.href, 'http://plain.proxy/')
  for (const url of ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:8080']) {
    t.equal(choose(new URL(url)), undefined, url)
  }
  t.equal(createProxyChoice({ httpProxy: 'p' })(new URL('https://github.com')), undefined)
  t.equal(createProxyChoice({})(new URL('https://github.com')), undefined)
})

t.test('NO_PROXY', async (t) => {
  const rows: [noProxy: string, direct: string[], proxied: string[]][] = [
    ['*', ['https://github.com', 'http://10.1.2.3'], []],
    ['github.com', ['https://github.com', 'https://api.github.com', 'https://github.com:8443'], ['https://agithub.com']],
    ['.github.com', ['https://github.com', 'https://api.github.com'], ['https://agithub.com', 'https://com']],
    ['*.github.com', ['https://github.com', 'https://api.github.com'], ['https://agithub.com']],
    ['GitHub.com', ['https://github.com'], []],
    ['github.com:443', ['https://github.com', 'https://github.com:443'], ['https://github.com:8443', 'http://github.com']],
    ['keycloak:8080', ['http://keycloak:8080'], ['http://keycloak', 'https://keycloak']],
    ['a.example, b.example c.example,,', ['https://b.example', 'https://c.example'], ['https://d.example']],
    ['10.0.0.0/8', ['http://10.255.0.1'], ['http://11.0.0.1', 'http://10.example.com', 'http://[fd00::a]']],
    ['192.0.2.7', ['http://192.0.2.7:81'], ['http://192.0.2.70']],
    ['192.0.2.7:80', ['http://192.0.2.7'], ['http://192.0.2.7:81']],
    ['2001:db8::1, fd00::/8', ['https://[2001:db8::1]', 'https://[fd12::1]:8443'], ['https://[2001:db8::2]']],
    ['[2001:db8::1]:443', ['https://[2001:db8::1]'], ['https://[2001:db8::1]:8443']],
    ['/var/run/docker.sock, 169.254/16, :80, 10.0.0.0/99', [], ['https://github.com', 'http://10.0.0.1']],
    ['', [], ['https://github.com']]
  ]
  for (const [noProxy, direct, proxied] of rows) {
    const choose = createProxyChoice({ ...PROXIES, noProxy })
    for (const url of direct) t.equal(choose(new URL(url)), undefined, `${noProxy}: not ${url}`)
    for (const url of proxied) t.ok(choose(new URL(url)), `${noProxy}: ${url}`)
  }
})
