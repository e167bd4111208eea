import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import type { Test } from 'tap'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path in CHROMIUM, or the first browser in PATH. Throws with what to install when there is none. */
function findChromium (): string {
  const { CHROMIUM: wanted, PATH = '' } = process.env
  if (wanted) {
    if (isExecutable(wanted)) return wanted
    throw new Error(`CHROMIUM is ${wanted}, which is not a program that can be run.`)
  }
  const found = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable)
  if (found === undefined) {
    throw new Error(`The browser tests need Chromium: install it (Debian, Ubuntu: apt-get install chromium), or set CHROMIUM to its path. Looked for ${NAMES.join(', ')} in PATH.`)
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

/** A Chromium without a window, closed with the test. */
export async function launchChromium (t: Test, args: string[] = []): Promise<Browser> {
  // Root cannot have Chromium's sandbox, nor can most containers; nothing but our own pages is opened.
  const browser = await chromium.launch({ executablePath: findChromium(), chromiumSandbox: false, args })
  t.teardown(() => browser.close())
  return browser
}
