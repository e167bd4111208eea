import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { startFakeApple } from '../fakes/apple.ts'
import { GITHUB_PATHS, OCTOCAT, startFakeGitHub } from '../fakes/github.ts'
import { setup } from '../helper.ts'
import type { PageState } from './page-states.ts'

/** More than an address may start in a minute. */
const TOO_MANY_STARTS = 101

/** The error pages of a sign-in that a provider, a setting of the operator or the database fails. */
export async function errorStates (t: Test): Promise<PageState[]> {
  const github = await startFakeGitHub()
  const apple = await startFakeApple()
  t.teardown(() => Promise.all([github.close(), apple.close()]))
  github.user(OCTOCAT)
  apple.deny()
  const open = async (more: Record<string, string>) =>
    await setup(t, { ...github.settings, ...apple.settings(), APP_NAME: 'Notes', ...more })
  const { url, database } = await open({})
  const { url: closedUrl } = await open({ SIGN_UPS: 'closed' })
  const { url: companyUrl } = await open({ ALLOWED_EMAIL_DOMAINS: 'example.com' })
  const { url: busyUrl } = await open({ RATE_LIMITS: 'on' })

  const signIn = (at: string) => async (page: Page) => await page.goto(`${at}/login/github`)

  /** A sign-in during which GitHub does not exchange the code. */
  const failExchange = (fault: Parameters<typeof github.fault>[1]) => async (page: Page) => {
    github.fault(GITHUB_PATHS.token, fault)
    await signIn(url)(page)
    github.heal()
  }

  return [
    { name: 'error-sign-up-closed', open: signIn(closedUrl) },
    { name: 'error-email-not-allowed', open: signIn(companyUrl) },
    {
      name: 'error-rate-limited',
      async open (page) {
        for (let start = 0; start < TOO_MANY_STARTS; start += 1) {
          const { status } = await fetch(`${busyUrl}/login/github`, { redirect: 'manual' })
          if (status === 429) break
        }
        await signIn(busyUrl)(page)
      }
    },
    { name: 'error-provider', open: failExchange({ kind: 'status', status: 500 }) },
    { name: 'error-provider-timeout', open: failExchange({ kind: 'hang' }) },
    {
      name: 'error-provider-refuses',
      async open (page) {
        github.deny('application_suspended', 'Your application has been suspended.')
        await signIn(url)(page)
        github.allow()
      }
    },
    {
      name: 'error-declined-at-apple',
      async open (page) {
        await page.goto(`${url}/login/apple`)
        await page.waitForURL(/\/login\/apple\/callback/)
        await page.locator('summary').click()
      }
    },
    {
      name: 'error-service-unavailable',
      async open (page) {
        await database.goAway()
        await signIn(url)(page)
        await database.comeBack()
      }
    }
  ]
}
