import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page, Response } from 'playwright-core'
import type { Test } from 'tap'
import { build, preview } from 'vite'
import { packageRoot } from '../../src/package-root.ts'
import { freePort } from '../free-port.ts'
import type { Running } from '../helper.ts'
import { launchChromium } from './chromium.ts'
import { startSignet } from './signet.ts'

const SPA_FOLDER = join(packageRoot, 'examples', 'spa')

export interface World extends Running {
  /** Where the example app is served: on another site than Signet, and on the same one. */
  otherSite: string
  sameSite: string
  /** Where the app looks for the service of examples/resource-server. */
  notesUrl: string
  /** The same app at an origin that no setting of Signet names, on Signet's own site. */
  serveElsewhere: (t: Test) => Promise<string>
  /** A browser of its own: no cookies, no storage. Closed with the test. */
  visit: (
    t: Test,
    context?: Parameters<Awaited<ReturnType<typeof launchChromium>>['newContext']>[0]
  ) => Promise<BrowserContext>
}

/**
 * Signet, the development identity provider and the example app as Vite builds it, each on an origin of its own, and a
 * real Chromium.
 */
export async function startWorld (t: Test, environment: Record<string, string> = {}): Promise<World> {
  const appPort = await freePort()
  const [otherSite, sameSite] = [`http://127.0.0.1:${appPort}`, `http://localhost:${appPort}`]
  const running = await startSignet(t, {
    CLIENTS: JSON.stringify([
      {
        client_id: 'spa',
        name: 'Example app',
        redirect_uris: [`${otherSite}/`],
        post_logout_redirect_uris: [`${otherSite}/`]
      }
    ]),
    ALLOWED_ORIGINS: sameSite,
    ...environment
  })
  const notesUrl = `http://localhost:${await freePort()}`
  const outDir = await buildSpa(t, running.url, notesUrl)
  await serveSpa(t, outDir, appPort)
  const browser = await launchChromium(t)
  return {
    ...running,
    otherSite,
    sameSite,
    notesUrl,
    async serveElsewhere (t) {
      const port = await freePort()
      await serveSpa(t, outDir, port)
      return `http://localhost:${port}`
    },
    async visit (t, options) {
      const context = await browser.newContext(options)
      t.teardown(async () => {
        // Requests that still wait for one another would keep it open.
        await context.unrouteAll({ behavior: 'ignoreErrors' })
        await context.close()
      })
      return context
    }
  }
}

/** The example app as somebody would build it for this Signet. */
async function buildSpa (t: Test, signetUrl: string, notesUrl: string): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'signet-spa-'))
  t.teardown(() => rm(outDir, { recursive: true, force: true }))
  Object.assign(process.env, { VITE_SIGNET_URL: signetUrl, VITE_NOTES_URL: notesUrl })
  await build({ root: SPA_FOLDER, logLevel: 'warn', build: { outDir, emptyOutDir: true } })
  return outDir
}

async function serveSpa (t: Test, outDir: string, port: number): Promise<void> {
  const server = await preview({
    root: SPA_FOLDER,
    logLevel: 'warn',
    build: { outDir },
    preview: { host: '127.0.0.1', port }
  })
  t.teardown(() => server.close())
}

/** Clicks as a person does: from the app's page to Signet's chooser, to the provider, and back as that persona. */
export async function signInThroughChooser (page: Page, persona: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await choosePersona(page, persona)
}

export async function choosePersona (page: Page, persona: string): Promise<void> {
  await page.getByRole('button', { name: persona }).click()
}

/** What the page says in its live region, once it says so. */
export async function waitForNews (page: Page, news: RegExp): Promise<void> {
  await page.getByRole('status').filter({ hasText: news }).waitFor()
}

/**
 * Presses a button in several tabs at the same moment. A tab in the background takes no clicks; a timer
 * can fire there.
 */
export async function pressAtOnce (pages: Page[], button: string): Promise<void> {
  await Promise.all(pages.map((page) => page.getByRole('button', { name: button }).dispatchEvent('click')))
}

/**
 * Lets `count` requests of a URL wait for one another, once, and go on together. Resolves to their answers, in the
 * order of the requests.
 */
export async function meetAt (
  context: BrowserContext,
  url: string,
  count: number,
  start: () => Promise<void>
): Promise<Response[]> {
  const answers: Promise<Response | null>[] = []
  let open: () => void = () => {}
  const barrier = new Promise<void>((resolve) => {
    open = resolve
  })
  await context.route(url, async (route) => {
    answers.push(route.request().response())
    if (answers.length === count) open()
    await barrier
    await route.continue()
  })
  await start()
  await barrier
  const met = await Promise.all(answers)
  await context.unroute(url)
  return met.filter((answer) => answer !== null)
}
