import type { Locator, Page } from 'playwright-core'

const focused = (target: Locator) => target.and(target.page().locator(':focus'))

/** Waits until the target has the focus: `autofocus` gives it when the page is first rendered, not before. */
export async function untilFocused (target: Locator): Promise<void> {
  await focused(target).waitFor()
}

/** Presses Tab until the target has the focus. */
export async function tabTo (page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let presses = 0; presses < 60; presses++) {
    if (await focused(target).count() > 0) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not get to ${target}.`)
}

/** Moves the focus to the target by Tab, and presses Enter. */
export async function press (page: Page, target: Locator): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.press('Enter')
}
