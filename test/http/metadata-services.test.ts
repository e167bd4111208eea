import t from 'tap'
import { isMetadataAddress, isMetadataHost } from '../../src/http/metadata-services.ts'

const ADDRESSES = [
  '169.254.169.254', '169.254.170.2', '100.100.100.200', '192.0.0.192', '168.63.129.16',
  'fe80::a9fe:a9fe', 'fe80::1%eth0', 'fd00:ec2::254', 'FD00:0EC2:0::254', 'fd20:ce::254', 'fd00:c1::a9fe:a9fe',
  '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::a9fe:a9fe', '64:ff9b::169.254.169.254', '64:ff9b:1::a9fe:a9fe',
  '2002:a9fe:a9fe::', '2002:a9fe:a9fe:1::1', '::ffff:100.100.100.200', '2002:6464:64c8::', '64:ff9b::c000:c0'
]
const OTHERS = [
  '127.0.0.1', '10.0.0.1', '169.253.255.255', '100.100.100.201', '192.0.0.193', '8.8.8.8', '::1', 'fc00::1',
  'fd00:ec3::254', '2002:0a00:1::', '64:ff9b::808:808', '::ffff:10.0.0.1', '2606:4700:4700::1111', '', 'nonsense'
]

t.test('the metadata services of the clouds are known in every spelling', async (t) => {
  for (const address of ADDRESSES) t.equal(isMetadataAddress(address), true, address)
  for (const address of OTHERS) t.equal(isMetadataAddress(address), false, address)
})

t.test('the host of a URL may be an address or a name', async (t) => {
  for (const url of [
    'http://169.254.169.254/', 'http://0xa9fea9fe/', 'http://2852039166/', 'http://169.254.43518/',
    'http://[fd00:ec2::254]/', 'http://[::ffff:a9fe:a9fe]/', 'http://metadata.google.internal/',
    'http://Metadata.Google.Internal./', 'http://metadata/', 'http://metadata.goog/'
  ]) t.equal(isMetadataHost(new URL(url).hostname), true, url)
  for (const url of ['https://metadata.example.com/', 'https://example.com/', 'http://localhost/', 'http://[::1]/']) {
    t.equal(isMetadataHost(new URL(url).hostname), false, url)
  }
})
