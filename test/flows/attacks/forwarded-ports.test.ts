import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { setup } from '../../helper.ts'
import { slow } from '../../slow.ts'

/** Login starts that an address has in a minute. */
const LIMIT = 100

slow.test('wanted: no rate limit, as the proxy writes the port beside the address', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url } = await setup(t, { ...github.settings, RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1, 10.0.0.0/8' })
  const start = async (forwardedFor: string) =>
    (await fetch(`${url}/login/github`, { redirect: 'manual', headers: { 'x-forwarded-for': forwardedFor } })).status

  const spellings: [name: string, same: (index: number) => string][] = [
    ['Azure Application Gateway', (index) => `192.0.2.1:${50_000 + index}`],
    ['two proxies, each with its port', (index) => `192.0.2.2:${50_000 + index}, 10.0.0.${index}:${40_000 + index}`],
    ['IPv4-mapped', (index) => index % 2 ? '192.0.2.3' : `[::ffff:192.0.2.3]:${50_000 + index}`],
    ['IPv6 with a port', (index) => index % 2 ? '2001:db8:1:1::1' : `[2001:db8:1:1::${index}]:${50_000 + index}`],
    ['IPv6 in brackets', (index) => `[2001:db8:1:2::${index}]`],
    ['a zone id', (index) => `fe80::1%eth${index}`],
    ['no address at all', (index) => `unknown-${index}`],
    ['no address at all, from a proxy', (index) => `_hidden${index}, 10.0.0.1`]
  ]
  for (const [name, spell] of spellings) {
    const statuses = []
    for (let index = 0; index < LIMIT + 5; index++) statuses.push(await start(spell(index)))
    t.same(statuses, [...Array(LIMIT).fill(302), ...Array(5).fill(429)], name)
  }
  t.equal(await start('192.0.2.1'), 429, 'without the port it is the same address')
  t.equal(await start('::ffff:192.0.2.3'), 429)
  t.equal(await start('192.0.2.99:50000'), 302, 'another address has its own limit')
})

t.test('wanted: an audit trail in which no two requests have one address', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url, sql } = await setup(t, { ...github.settings, TRUST_PROXY: '127.0.0.1' })
  const spellings: [string, string][] = [
    ['192.0.2.1:50001', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:c000:201]:443', '192.0.2.1'],
    ['[2001:DB8:0:0::1]:50001', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:1', 'fe80::1'],
    ['unknown', '127.0.0.1'],
    ['192.0.2.1:50001:2', '127.0.0.1'],
    ['999.0.2.1:80', '127.0.0.1'],
    ['[]', '127.0.0.1'],
    ['[192.0.2.1', '127.0.0.1'],
    ['%', '127.0.0.1'],
    ['"', '127.0.0.1'],
    ['x'.repeat(8000), '127.0.0.1'],
    ['1', '127.0.0.1']
  ]
  for (const [forwardedFor, address] of spellings) {
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/github'))
    const done = await browser.get(callback, { headers: { 'x-forwarded-for': forwardedFor } })
    const name = forwardedFor.slice(0, 50)
    t.equal(done.status, 200, name)
    const { rows: [session] } = await sql.query('SELECT ip_address FROM sessions ORDER BY id DESC LIMIT 1')
    const { rows: [event] } = await sql.query('SELECT ip_address FROM audit_events ORDER BY id DESC LIMIT 1')
    t.same([session.ip_address, event.ip_address], [address, address], name)
  }
})
