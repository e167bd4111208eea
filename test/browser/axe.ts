import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { PageState } from './page-states.ts'

/** axe (https://github.com/dequelabs/axe-core) on pages in each state: WCAG 2.2 AA, and its best practices. */

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The rules that the page breaks, each with the elements. With `within` the contrast of the text there alone. */
export async function violations (page: Page, within?: string): Promise<string[]> {
  await page.evaluate(AXE)
  const parameters = within === undefined ? '' : `${JSON.stringify(within)}, { runOnly: ['color-contrast'] }`
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(${parameters})`)
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`)
}

/** The contrast of each border with the page around it (WCAG 2.2, 1.4.11), of which axe has no rule. */
const BORDERS = `[...document.querySelectorAll('.button, input, pre, .initial')].map((element) => {
  const { borderTopColor } = getComputedStyle(element)
  return [element.className || element.tagName, borderTopColor, getComputedStyle(document.body).backgroundColor]
})`

/** Looks at a page in light on a phone and in dark on a desktop. */
export async function expectAccessible (t: Test, browser: Browser, { open }: PageState): Promise<void> {
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  await open(page)
  for (const [colorScheme, width] of [['light', 360], ['dark', 1280]] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 740 })
    t.same(await violations(page), [], `${colorScheme}, ${width}`)
    t.ok(await page.evaluate<number>('document.documentElement.scrollWidth') <= width, `${colorScheme}, ${width}`)
    for (const [element, border, paper] of await page.evaluate<string[][]>(BORDERS)) {
      t.ok(contrast(border ?? '', paper ?? '') >= 3, `${element}: ${border} on ${paper}`)
    }
  }
}

/** WCAG 2.2, "relative luminance" and "contrast ratio". */
export function luminance (color: string): number {
  const parts = [...color.matchAll(/\d+/g)].map(([part]) => Number(part) / 255)
  const [red = 0, green = 0, blue = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  )
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

export function contrast (one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}
