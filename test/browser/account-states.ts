import type pg from 'pg'
import type { Page } from 'playwright-core'
import type { PageState } from './page-states.ts'

const ACCOUNT = ['/account', '/account?done=profile', '/account/sessions', '/account/sessions/end-others',
  '/account/accounts', '/account/accounts/linked', '/account/tokens', '/account/tokens/new', '/account/grants',
  '/account/activity', '/account/data', '/account/delete']
const ADMIN = ['/admin', '/admin/pages/clients', '/admin/pages/clients/new', '/admin/pages/clients/app',
  '/admin/pages/events', '/admin/pages/keys', '/admin/pages/keys/rotate', '/admin/pages/webhooks',
  '/admin/pages/webhooks/new']

interface World { url: string, sql: pg.Pool, allowApp: (page: Page) => Promise<void> }

/**
 * The pages of /account and /admin, for a person who signs in at GitHub and may administer. `allowApp` allows a
 * third-party app to act for them.
 */
export function accountStates ({ url, sql, allowApp }: World): PageState[] {
  async function signIn (page: Page, path: string): Promise<void> {
    // Of what the other states left behind, so that lists stay short.
    for (const table of ['sessions', 'audit_events']) {
      await sql.query(`DELETE FROM ${table} WHERE id NOT IN (SELECT id FROM ${table} ORDER BY created_at DESC LIMIT 5)`)
    }
    await page.goto(`${url}/login/github?return_to=${encodeURIComponent(`${url}/account`)}`)
    await sql.query("UPDATE users SET roles = '{admin}'")
    await page.goto(url + path)
  }

  /** The page behind the first link of the list at `path`, whose address ends in `ending`. */
  const behind = (path: string, ending: string) => async (page: Page) => {
    await signIn(page, path)
    await page.locator(`main a[href$="${ending}"]`).first().click()
  }

  const submit = async (page: Page) => await page.locator('main form:not(nav form) button').last().click()

  async function openUser (page: Page): Promise<void> {
    await signIn(page, '/admin')
    await page.locator('.items a').first().click()
  }

  const askAboutUser = (action: string) => async (page: Page) => {
    await openUser(page)
    await page.locator(`main a[href$="/${action}"]`).click()
  }

  async function registerClient (page: Page): Promise<void> {
    await signIn(page, '/admin/pages/clients/new')
    await page.locator('[value=confidential]').check()
    await page.locator('#name').fill('Backup of the whole company')
    await page.locator('#redirectUris').fill('https://backup.example.com/callback')
    await submit(page)
  }

  async function openClient (page: Page): Promise<void> {
    await registerClient(page)
    await page.locator('main p a.button').click()
  }

  async function addWebhook (page: Page): Promise<void> {
    await signIn(page, '/admin/pages/webhooks/new')
    await page.locator('#url').fill('https://hooks.example.com/a/rather/long/path/for/events-of-users?tenant=acme')
    await page.locator('[value="user.created"]').check()
    await submit(page)
  }

  async function openWebhook (page: Page): Promise<void> {
    await addWebhook(page)
    await page.locator('main p a.button').click()
  }

  async function makeToken (page: Page): Promise<void> {
    await signIn(page, '/account/tokens/new')
    await page.locator('#name').fill('backup')
    await submit(page)
  }

  const states = [...ACCOUNT, ...ADMIN].map((path) => ({
    name: path.slice(1).replaceAll(/\W+/g, '-'), open: async (page: Page) => await signIn(page, path)
  }))

  return [
    ...states,
    {
      name: 'account-sessions-of-apps',
      async open (page) {
        await allowApp(page)
        await signIn(page, '/account/sessions')
      }
    },
    {
      name: 'account-mistake',
      async open (page) {
        await signIn(page, '/account')
        await page.locator('#locale').fill('no language')
        await submit(page)
      }
    },
    { name: 'account-token-made', open: makeToken },
    {
      name: 'account-token-end',
      async open (page) {
        await makeToken(page)
        await page.goto(`${url}/account/tokens`)
        await page.locator('main a[href$="/end"]').first().click()
      }
    },
    {
      name: 'account-grants-some',
      async open (page) {
        await allowApp(page)
        await signIn(page, '/account/grants')
      }
    },
    {
      name: 'account-grant-end',
      async open (page) {
        await allowApp(page)
        await behind('/account/grants', '/end')(page)
      }
    },
    {
      name: 'account-link',
      async open (page) {
        await signIn(page, '/account/accounts')
        await page.locator('[value=google]').check()
        await submit(page)
      }
    },
    { name: 'account-unlink', open: behind('/account/accounts', '/unlink') },
    {
      name: 'account-last-one',
      async open (page) {
        await behind('/account/accounts', '/unlink')(page)
        await submit(page)
      }
    },
    {
      name: 'account-signed-out',
      async open (page) {
        await signIn(page, '/account')
        await page.locator('nav button').click()
        await page.locator('nav').waitFor({ state: 'detached' })
      }
    },
    {
      name: 'account-deleted',
      async open (page) {
        await signIn(page, '/account/delete')
        await sql.query("UPDATE users SET roles = '{}'")
        await submit(page)
      }
    },
    {
      name: 'account-sign-in-again',
      async open (page) {
        await signIn(page, '/account')
        await sql.query("UPDATE sessions SET authenticated_at = now() - interval '1 hour'")
        await page.goto(`${url}/account/delete`)
      }
    },
    { name: 'admin-none', open: async (page) => await signIn(page, '/admin?query=nobody') },
    { name: 'admin-user', open: openUser },
    {
      name: 'admin-user-mistake',
      async open (page) {
        await openUser(page)
        await page.locator('#metadata').fill('no JSON')
        await submit(page)
      }
    },
    { name: 'admin-user-disable', open: askAboutUser('disable') },
    { name: 'admin-user-logout', open: askAboutUser('logout') },
    { name: 'admin-user-delete', open: askAboutUser('delete') },
    { name: 'admin-client-made', open: registerClient },
    { name: 'admin-client', open: openClient },
    {
      name: 'admin-client-mistake',
      async open (page) {
        await openClient(page)
        await page.locator('#redirectUris').fill('no address')
        await submit(page)
      }
    },
    {
      name: 'admin-client-delete',
      async open (page) {
        await openClient(page)
        await page.locator('main a[href$="/delete"]').click()
      }
    },
    { name: 'admin-webhook-made', open: addWebhook },
    { name: 'admin-webhook', open: openWebhook },
    {
      name: 'admin-webhook-tested',
      async open (page) {
        await openWebhook(page)
        await page.locator('main form[action$="/test"] button').click()
      }
    },
    {
      name: 'admin-webhook-delete',
      async open (page) {
        await openWebhook(page)
        await page.locator('main a[href$="/delete"]').click()
      }
    },
    {
      name: 'admin-refused',
      async open (page) {
        await signIn(page, '/account')
        await sql.query("UPDATE users SET roles = '{}'")
        await page.goto(`${url}/admin`)
      }
    }
  ]
}
