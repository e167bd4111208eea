import type { Locator, Page } from 'playwright-core'

const focused = (target: Locator) => target.and(target.page().locator(':focus'))

/** Waits until the page has given it the focus, which `autofocus` does with the first drawing and not before. */
export async function untilFocused (target: Locator): Promise<void> {
  await focused(target).waitFor()
}

/** Presses Tab until it is there, as somebody without a mouse does. */
export async function tabTo (page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let presses = 0; presses < 60; presses++) {
    if (await focused(target).count() > 0) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not get to ${target}.`)
}

/** Gets there by Tab, and presses Enter. */
export async function press (page: Page, target: Locator): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.press('Enter')
}
