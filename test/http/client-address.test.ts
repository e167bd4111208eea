import t from 'tap'
import { addressOf, clientAddress, createTrustProxy } from '../../src/http/client-address.ts'

const through = (...ips: string[]) => ({ ip: ips.at(-1) ?? '', ips })

t.test('the address is the last one on the way that is an address', async (t) => {
  t.equal(clientAddress({ ip: '192.0.2.1' } as never), '192.0.2.1', 'without proxies there is one only')
  t.equal(clientAddress(through('10.0.0.1', '192.0.2.1:443')), '192.0.2.1')
  t.equal(clientAddress(through('10.0.0.1', '10.0.0.2:1', 'unknown')), '10.0.0.2')
  for (const addressFor of [clientAddress, addressOf]) {
    t.equal(addressFor(through('10.0.0.1', '::ffff:192.0.2.1')), '192.0.2.1', 'IPv4, mapped to IPv6')
    t.equal(addressFor(through('10.0.0.1', '::FFFF:c000:201')), '192.0.2.1')
    t.equal(addressFor(through('10.0.0.1', '::ffff:192.0.2.256')), '10.0.0.1')
  }
  t.equal(clientAddress({ ip: undefined } as never), 'unknown', 'a socket that is closed has none')
  t.equal(addressOf({ ip: undefined } as never), 'unknown')
  t.equal(addressOf(through('10.0.0.1', '[2001:db8:1:2:3::4%eth0]:443')), '2001:db8:1:2::/64')
})

t.test('what is no address never throws', async (t) => {
  const pieces = [
    '[',
    ']',
    ':',
    '::',
    '.',
    '%',
    '/',
    '1',
    '255',
    '256',
    'ffff',
    'g',
    '-',
    ' ',
    '0x',
    '192.0.2.1',
    '::1'
  ]
  const texts = Array.from({ length: 20_000 }, (_, seed) =>
    Array.from({ length: seed % 7 }, (_, index) => pieces[(seed * (index + 3) * 7919) % pieces.length]).join('')
  )
  const requests = texts.map((text) => through('10.0.0.1', text))
  t.same(
    requests.map(clientAddress).filter((address) => !/^[\da-f.:]+$/.test(address)),
    []
  )
  t.same(
    requests.map(addressOf).filter((key) => !/^[\da-f.:]+(::\/64)?$/.test(key)),
    []
  )
})

t.test('proxies are trusted by address or range, with or without a port', async (t) => {
  const isTrusted = createTrustProxy(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::ffff:198.51.100.0/120'])
  for (const address of [
    '10.1.2.3',
    '10.1.2.3:443',
    '::ffff:10.1.2.3',
    '[::ffff:10.1.2.3]:443',
    '192.0.2.1:1',
    '2001:db8:1::1',
    '[2001:db8::1]:443',
    '198.51.100.7'
  ]) { t.equal(isTrusted(address), true, address) }
  for (const address of [
    '11.0.0.1',
    '192.0.2.2',
    '2001:db9::1',
    '::1',
    '198.51.101.1',
    '10.1.2',
    'unknown',
    '',
    undefined
  ]) {
    t.equal(isTrusted(address), false, String(address))
  }
})
