import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import type { Test } from 'tap'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
/** First Chromium without its windows, which take most of its time. It knows no settings of a profile. */
const SHELLS = ['chromium-headless-shell', ...NAMES]

/** The path in CHROMIUM, or the first browser in PATH. Throws with what to install when there is none. */
function findChromium (names: string[]): string {
  const { CHROMIUM: wanted, PATH = '' } = process.env
  if (wanted) {
    if (isExecutable(wanted)) return wanted
    throw new Error(`CHROMIUM is ${wanted}, which is not a program that can be run.`)
  }
  const found = names
    .flatMap((name) => PATH.split(delimiter).map((folder) => join(folder, name)))
    .find(isExecutable)
  if (found === undefined) {
    throw new Error(
      'The browser tests need Chromium: install it (Debian, Ubuntu: apt-get install chromium), or set CHROMIUM to ' +
        `its path. Looked for ${names.join(', ')} in PATH.`
    )
  }
  return found
}

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

// Root cannot have Chromium's sandbox, nor can most containers; nothing but our own pages is opened.
const launchOptions = (names: string[]) => ({ executablePath: findChromium(names), chromiumSandbox: false })

/** For what a page shows in a second or two: the machine may be busy, and a test that fails may take its time. */
const WAIT_MS = 90_000

/** A Chromium without a window, whose contexts are incognito; closed with the test. */
export async function launchChromium (t: Test): Promise<Browser> {
  const browser = await chromium.launch(launchOptions(SHELLS))
  browser.on('context', (context) => context.setDefaultTimeout(WAIT_MS))
  t.teardown(() => browser.close())
  return browser
}

/**
 * A Chromium with a profile of its own, gone with the test, that lets third-party cookies be or blocks them, as its
 * settings page does.
 */
export async function launchProfile (t: Test, thirdPartyCookies: 'allowed' | 'blocked'): Promise<BrowserContext> {
  const folder = await mkdtemp(join(tmpdir(), 'signet-profile-'))
  const blocks = thirdPartyCookies === 'blocked'
  await mkdir(join(folder, 'Default'))
  await writeFile(
    join(folder, 'Default', 'Preferences'),
    JSON.stringify({ profile: { cookie_controls_mode: blocks ? 1 : 0, block_third_party_cookies: blocks } })
  )
  const context = await chromium.launchPersistentContext(folder, launchOptions(NAMES))
  context.setDefaultTimeout(WAIT_MS)
  t.teardown(async () => {
    await context.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return context
}
