import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { startFakeDocument } from '../fakes/client-document.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { MAPS, NOTES, RESOURCES } from '../flows/agents-world.ts'
import { readJson, setup } from '../helper.ts'
import { accountStates } from './account-states.ts'
import { deletionStates } from './deletion-states.ts'
import { errorStates } from './error-states.ts'

/** A page as a person comes to see it. `open` leads there. */
export interface PageState { name: string, open: (page: Page) => Promise<unknown> }

const REDIRECT_URIS = { web: 'https://app.example.com/callback', native: 'com.example.app:/callback' }

/** One app that shows every page, and how to get to each. */
export async function startPages (t: Test): Promise<{ url: string, states: PageState[] }> {
  const github = await startFakeGitHub()
  const document = await startFakeDocument()
  t.teardown(() => Promise.all([github.close(), document.close()]))
  github.user({ id: 1, login: 'octocat', name: 'The Octocat', email: 'octocat@github.com' })
  const others = ['GOOGLE', 'MICROSOFT', 'DISCORD', 'GITLAB']
    .flatMap((id) => [[`${id}_CLIENT_ID`, 'x'], [`${id}_CLIENT_SECRET`, 'y']])
  const clients = [{
    client_id: 'app',
    name: 'The app',
    redirect_uris: Object.values(REDIRECT_URIS),
    policy_uri: 'https://app.example.com/privacy',
    tos_uri: 'https://app.example.com/terms'
  }]
  const { url, sql } = await setup(t, {
    ...github.settings,
    ...Object.fromEntries(others),
    ALLOWED_ORIGINS: 'https://app.example.com',
    CLIENTS: JSON.stringify(clients),
    APP_NAME: 'Notes',
    REGISTRATION: 'metadata-documents',
    RESOURCES: JSON.stringify(RESOURCES)
  })
  const { url: emptyUrl } = await setup(t)

  const authorize = (redirectUri: string, more = {}) => `${url}/oauth2/authorize?${new URLSearchParams({
    client_id: 'app',
    redirect_uri: redirectUri,
    response_type: 'code',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    ...more
  })}`

  /** The consent page of a client that nobody registered, for an address of its own or on this computer. */
  const askConsent = (redirectUri: string, resources: [string, string][]) => async (page: Page) => {
    const more = new URLSearchParams([['client_id', document.url], ...resources])
    const scope = 'openid email notes:write'
    const url = authorize(redirectUri, { scope, prompt: 'consent' }).replace('client_id=app&', '')
    await page.goto(`${url}&${more}`)
    await page.locator('a[href*="provider=github"]').click()
    await page.locator('button[value=allow]').waitFor()
  }

  const askConsentOnTheWeb = askConsent(`${document.origin}/callback`, [['resource', NOTES]])

  async function allowApp (page: Page): Promise<void> {
    await askConsentOnTheWeb(page)
    await page.locator('button[value=allow]').click()
    await page.waitForURL(/[?&]code=/)
  }

  async function beginDevice (page: Page): Promise<void> {
    const body = new URLSearchParams({ client_id: 'app' })
    const { verification_uri_complete: uri } = await readJson(
      await fetch(`${url}/oauth2/device_authorization`, { method: 'POST', body })
    )
    await page.goto(uri)
  }

  async function typeCode (page: Page): Promise<void> {
    await beginDevice(page)
    await page.locator('button').click()
  }

  async function confirmDevice (page: Page): Promise<void> {
    await typeCode(page)
    await page.locator('a[href$="/device/login/github"]').click()
    await page.locator('button[value=approve]').waitFor()
  }

  async function decline (page: Page): Promise<void> {
    github.deny()
    await page.goto(`${url}/login/github`)
    github.allow()
  }

  /** The page that posts the answer to the app, as without scripts. With them it goes on at once. */
  async function postBack (page: Page): Promise<void> {
    const devTools = await page.context().newCDPSession(page)
    await devTools.send('Emulation.setScriptExecutionDisabled', { value: true })
    await page.goto(authorize(REDIRECT_URIS.web, { response_mode: 'form_post', provider: 'github' }))
    await page.locator('form button').waitFor()
    // axe needs scripts, with which the content of <noscript> is not displayed.
    await devTools.send('Emulation.setScriptExecutionDisabled', { value: false })
    await page.evaluate("document.querySelector('noscript').replaceWith(...document.querySelectorAll('noscript > *'))")
  }

  async function openDocs (page: Page): Promise<void> {
    await page.goto(`${url}/docs`)
    await page.locator('.opblock').first().waitFor()
  }

  const at = (path: string) => async (page: Page) => await page.goto(url + path)

  return {
    url,
    states: [
      { name: 'sign-in', open: at('/login') },
      { name: 'consent', open: askConsentOnTheWeb },
      { name: 'consent-over', open: at(`/oauth2/consent?request=${'x'.repeat(16)}`) },
      {
        name: 'consent-on-this-computer',
        open: askConsent('http://127.0.0.1:7777/callback', [['resource', NOTES], ['resource', MAPS]])
      },
      { name: 'sign-in-none', open: async (page) => await page.goto(`${emptyUrl}/login`) },
      {
        name: 'sign-in-again',
        async open (page) {
          await page.goto(`${url}/login/github`)
          await page.goto(`${url}/login?return_to=https%3A%2F%2Fapp.example.com%2F`)
        }
      },
      { name: 'authorize', open: async (page) => await page.goto(authorize(REDIRECT_URIS.web)) },
      {
        name: 'authorize-form-post',
        open: async (page) => await page.goto(authorize(REDIRECT_URIS.web, { response_mode: 'form_post' }))
      },
      { name: 'form-post', open: postBack },
      { name: 'authorize-native', open: async (page) => await page.goto(authorize(REDIRECT_URIS.native)) },
      { name: 'authorize-failed', open: async (page) => await page.goto(authorize('https://elsewhere.example/')) },
      { name: 'signed-in', open: at('/login/github') },
      {
        name: 'signed-in-tokens',
        async open (page) {
          await page.goto(`${url}/login/github`)
          await page.locator('summary').click()
        }
      },
      {
        name: 'signed-in-again',
        async open (page) {
          await page.goto(`${url}/login/github`)
          await page.reload()
        }
      },
      { name: 'declined', open: decline },
      {
        name: 'declined-details',
        async open (page) {
          await decline(page)
          await page.locator('summary').click()
        }
      },
      {
        name: 'disabled',
        async open (page) {
          await page.goto(`${url}/login/github`)
          await sql.query('UPDATE users SET disabled_at = now()')
          await page.goto(`${url}/login/github`)
          await sql.query('UPDATE users SET disabled_at = NULL')
        }
      },
      { name: 'link-does-not-work', open: at('/login?return_to=https://elsewhere.example/') },
      { name: 'sign-in-expired', open: at('/login/github/callback?state=x&code=y') },
      { name: 'unknown-provider', open: at('/login/nowhere') },
      { name: 'not-found', open: at('/nowhere') },
      { name: 'sign-out', open: at('/oauth2/logout?client_id=app') },
      {
        name: 'signed-out',
        async open (page) {
          await page.goto(`${url}/oauth2/logout`)
          await page.locator('button').click()
          await page.locator('button').waitFor({ state: 'detached' })
        }
      },
      { name: 'sign-out-failed', open: at('/oauth2/logout?client_id=nobody') },
      { name: 'device', open: at('/device') },
      {
        name: 'device-wrong-code',
        async open (page) {
          await page.goto(`${url}/device?user_code=BBBB-BBBB`)
          await page.locator('button').click()
        }
      },
      { name: 'device-sign-in', open: typeCode },
      { name: 'device-confirm', open: confirmDevice },
      {
        name: 'device-approved',
        async open (page) {
          await confirmDevice(page)
          await page.locator('button[value=approve]').click()
        }
      },
      {
        name: 'device-denied',
        async open (page) {
          await confirmDevice(page)
          await page.locator('button[value=deny]').click()
        }
      },
      { name: 'device-failed', open: at('/device/confirm') },
      { name: 'problems', open: at('/problems') },
      { name: 'problem', open: at('/problems/invalid_state') },
      { name: 'docs', open: openDocs },
      {
        name: 'docs-authorize',
        async open (page) {
          await openDocs(page)
          await page.getByRole('button', { name: 'Authorize', exact: true }).click()
          await page.locator('.auth-container').first().waitFor()
        }
      },
      ...await errorStates(t),
      ...await deletionStates(t),
      ...accountStates({ url, sql, allowApp })
    ]
  }
}
