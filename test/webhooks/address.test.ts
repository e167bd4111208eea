import t from 'tap'
import { mayReach } from '../../src/webhooks/address.ts'

const PUBLIC = [
  '8.8.8.8',
  '1.1.1.1',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '2606:4700:4700::1111',
  '::ffff:8.8.8.8'
]
const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '::1',
  'fc00::1',
  'fd12:3456::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1'
]
const NEVER = [
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  '168.63.129.16',
  '169.254.0.1',
  '100.64.0.1',
  '100.100.100.200',
  '100.127.255.255',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '192.88.99.1',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '::ffff:169.254.169.254',
  '::ffff:0.0.0.0',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::1',
  '2002:7f00:1::',
  '2001::1',
  '2001:db8::1',
  '100::1',
  '3fff::1',
  '5f00::1',
  '::7f00:1',
  '::a00:1',
  '4000::1',
  'e000::1',
  'not an address',
  ''
]

t.test('public addresses over https only, private ones only where allowed, all others never', async (t) => {
  for (const allowPrivate of [false, true]) {
    for (const protocol of ['https:', 'http:', 'ftp:']) {
      const reach = (address: string) => mayReach(address, { protocol, allowPrivate })
      for (const address of PUBLIC) t.equal(reach(address), protocol === 'https:', `${protocol} ${address}`)
      for (const address of PRIVATE) {
        t.equal(reach(address), allowPrivate && protocol !== 'ftp:', `${protocol} ${address}`)
      }
      for (const address of NEVER) t.equal(reach(address), false, `${protocol} ${address}`)
    }
  }
})
