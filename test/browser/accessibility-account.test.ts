import t from 'tap'
import { expectAccessible } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startPages } from './page-states.ts'

// Some thirty pages, each after a sign-in, beside other browsers.
t.setTimeout(900_000)

const { states } = await startPages(t)
const browser = await launchChromium(t)

for (const state of states.filter(({ name }) => /^(account|admin)/.test(name))) {
  t.test(`${state.name}: axe finds nothing, in light and dark, and nothing has to be scrolled sideways`, (t) =>
    expectAccessible(t, browser, state))
}
