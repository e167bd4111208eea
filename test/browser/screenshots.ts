/**
 * `npm run screenshots`: every page in every state, light and dark, narrow and wide, and in each language, as images in
 * `.screenshots/`. A pattern in SCREENSHOTS takes those whose names match.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { LANGUAGES } from '../../src/texts/choose-language.ts'
import { launchChromium } from './chromium.ts'
import { startPages } from './page-states.ts'

const folder = join(packageRoot, '.screenshots')
const wanted = new RegExp(process.env['SCREENSHOTS'] ?? '')

t.setTimeout(0)
await mkdir(folder, { recursive: true })
const { states } = await startPages(t)
const browser = await launchChromium(t)

for (const { name, open } of states) {
  const isSwaggerUi = name.startsWith('docs')
  for (const language of isSwaggerUi ? ['en'] : LANGUAGES) {
    const images = (['light', 'dark'] as const)
      .flatMap((colorScheme) => [360, 1280].map((width) =>
        ({ colorScheme, width, file: `${name}-${language}-${colorScheme}-${width}.png` })))
      .filter(({ file }) => wanted.test(file))
    if (images.length === 0) continue
    const context = await browser.newContext({ locale: language })
    let page: Page | undefined
    for (const { colorScheme, width, file } of images) {
      // Swagger UI becomes light or dark when it loads, and is very long.
      const isOpen = page !== undefined && !isSwaggerUi
      if (page === undefined || isSwaggerUi) page = await context.newPage()
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 740 })
      if (!isOpen) await open(page)
      await page.screenshot({ path: join(folder, file), fullPage: !isSwaggerUi })
    }
    await context.close()
  }
}

t.end()
