import t from 'tap'
import { chooseLanguage } from '../../src/texts/choose-language.ts'

t.test('the best language of Accept-Language that there is', async (t) => {
  for (const [acceptLanguage, language] of [
    ['de-AT,de;q=0.9,en;q=0.8', 'de'],
    ['fr-CH, fr;q=0.9, es;q=0.7, en;q=0.8', 'en'],
    ['fr, es-419;q=0.5', 'es'],
    ['JA-jp', 'ja'],
    ['ar-Latn-EG', 'ar'],
    ['en;q=0, de;q=0.1', 'de'],
    ['de;q=0', 'en'],
    ['*', 'en'],
    ['fr', 'en'],
    ['dex', 'en'],
    ['', 'en'],
    [';;,,q=1;-', 'en'],
    [`${'xx,'.repeat(32)}de`, 'en']
  ] as const) t.equal(chooseLanguage(undefined, acceptLanguage), language, acceptLanguage.slice(0, 40))
})

t.test('ui_locales comes before Accept-Language, in its own order', async (t) => {
  t.equal(chooseLanguage('ja de', 'es'), 'ja')
  t.equal(chooseLanguage('fr-CA es-MX', 'de'), 'es')
  t.equal(chooseLanguage('fr', 'de'), 'de')
  t.equal(chooseLanguage(' ', 'de'), 'de')
})
