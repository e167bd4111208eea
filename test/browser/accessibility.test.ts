import t from 'tap'
import { LANGUAGES } from '../../src/texts/choose-language.ts'
import { expectAccessible, violations } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startPages } from './page-states.ts'

// Some fifty pages, beside other browsers.
t.setTimeout(900_000)

const { states } = await startPages(t)
const browser = await launchChromium(t)

// The markup of /docs is Swagger UI's own; docs.test.ts checks its colours.
for (const state of states.filter(({ name }) => !/^(account|admin|docs)/.test(name))) {
  t.test(`${state.name}: axe finds nothing, in light and dark, and nothing has to be scrolled sideways`, (t) =>
    expectAccessible(t, browser, state))
}

const IN_EACH_LANGUAGE = /^(sign-in-again|declined|device-wrong-code)$/

t.test('every language fits, also on a narrow screen and from right to left', async (t) => {
  for (const locale of LANGUAGES) {
    const context = await browser.newContext({ locale, viewport: { width: 320, height: 600 } })
    t.teardown(() => context.close())
    const page = await context.newPage()
    for (const { name, open } of states.filter(({ name }) => IN_EACH_LANGUAGE.test(name))) {
      await open(page)
      t.ok(await page.evaluate<number>('document.documentElement.scrollWidth') <= 320, `${name}, ${locale}`)
      t.equal(await page.locator('html').getAttribute('lang'), locale)
      t.same(await violations(page), [], `${name}, ${locale}`)
      const { x = 0, width = 0 } = await page.locator('h1').boundingBox() ?? {}
      t.ok(x >= 0 && x + width <= 320)
      t.equal(await page.evaluate('getComputedStyle(document.querySelector("h1")).direction'),
        locale === 'ar' ? 'rtl' : 'ltr')
    }
  }
})

t.test('the focus is on what is wrong with a form, which the field refers to', async (t) => {
  const page = await browser.newPage()
  t.teardown(() => page.close())
  await states.find(({ name }) => name === 'device-wrong-code')?.open(page)
  t.equal(await page.locator(':focus').getAttribute('id'), 'mistake')
  t.match(await page.locator('#mistake').innerText(), 'This code is not known')
  const field = page.getByRole('textbox')
  t.match([await field.getAttribute('aria-invalid'), await field.getAttribute('aria-describedby')], ['true', 'mistake'])
  await page.keyboard.press('Tab')
  t.equal(await field.evaluate('document.activeElement.id'), 'code')
})
