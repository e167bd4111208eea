import t from 'tap'
import { ar } from '../../src/texts/ar.ts'

/** What the rules for both directions would turn around: dates, addresses and JSON. */
const CODE = /\d{4}-\d\d|https?:|[{}]/

t.test('code in Arabic texts stands in isolates from left to right (UAX #9)', async (t) => {
  const texts = textsIn(ar)
  t.ok(texts.filter((text) => CODE.test(text)).length >= 4, 'there is some')
  for (const text of texts) t.notMatch(text.replaceAll(/\u2066[^\u2069]*\u2069/g, ''), CODE, text)
})

function textsIn (value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
