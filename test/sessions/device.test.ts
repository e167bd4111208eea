import t from 'tap'
import { describeDevice } from '../../src/sessions/device.ts'

const MACINTOSH = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)'
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)'
const WEBKIT = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'
const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0'

t.test('devices have the names that people give them', async (t) => {
  const names: [userAgent: string | null, device: string | null][] = [
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36`, 'Chrome on Windows'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36 Edg/126.0.0.0`, 'Microsoft Edge on Windows'],
    [`Mozilla/5.0 (Linux; Android 14; Pixel 8) ${CHROME} Mobile Safari/537.36`, 'Chrome on Android'],
    [`${IPHONE} ${WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari on iOS'],
    [`${MACINTOSH} ${WEBKIT} Version/17.4 Safari/605.1.15`, 'Safari on macOS'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox on Linux'],
    ['curl/8.5.0', 'curl'],
    ['node', 'node'],
    ['My App/1.0 (Linux; 5) CFNetwork/1494.0.7', 'My App'],
    ['python-requests/2.31.0', 'python-requests'],
    ['Dart/3.3 (dart:io)', 'Dart'],
    ['Mozilla/5.0', null],
    ['/1.0', null],
    [' ', null],
    ['', null],
    [null, null]
  ]
  for (const [userAgent, device] of names) t.equal(describeDevice(userAgent), device, String(userAgent))
})

t.test('no user agent takes long', async (t) => {
  const began = performance.now()
  for (const part of ['(', 'Version/', ' like Mac OS X', 'Chrome/1.', 'Android ', '; ', '/']) {
    t.doesNotThrow(() => describeDevice(`Mozilla/5.0 ${part.repeat(500)}`.slice(0, 500)))
  }
  t.ok(performance.now() - began < 500)
})
