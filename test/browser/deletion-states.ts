import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { signedRequest, startFakeFacebook } from '../fakes/facebook.ts'
import { readJson, setup } from '../helper.ts'
import type { PageState } from './page-states.ts'

/** The page for people who asked Facebook for the deletion of their data, by what was done. */
export async function deletionStates (t: Test): Promise<PageState[]> {
  const facebook = await startFakeFacebook()
  t.teardown(() => facebook.close())
  const { url, another } = await setup(t, { ...facebook.settings, APP_NAME: 'Notes' })
  const { address: keeping } = await another({ PROVIDER_DELETIONS: 'keep' })

  const signIn = async () => await createBrowser(url).login('/login/facebook')

  // Two equal requests, as of one second, would be one deletion.
  let issuedAt = Math.floor(Date.now() / 1000)

  async function askFacebook (page: Page, at: string): Promise<void> {
    issuedAt -= 1
    const body = new URLSearchParams({ signed_request: signedRequest({ issued_at: issuedAt }) })
    await page.goto((await readJson(await fetch(`${at}/login/facebook/deletion`, { method: 'POST', body }))).url)
  }

  return [
    {
      name: 'deletion-signed-out',
      async open (page) {
        await signIn()
        await askFacebook(page, keeping)
      }
    },
    {
      name: 'deletion-deleted',
      async open (page) {
        await signIn()
        await askFacebook(page, url)
      }
    },
    { name: 'deletion-nothing-stored', open: async (page) => await askFacebook(page, url) },
    {
      name: 'deletion-unknown',
      open: async (page) => await page.goto(`${url}/login/facebook/deletion/${'0'.repeat(32)}`)
    }
  ]
}
