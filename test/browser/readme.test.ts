import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { choosePersona, startWorld } from './world.ts'

const readme = await readFile(join(packageRoot, 'README.md'), 'utf8')
const [, registration = ''] = /^CLIENTS='(.+)'$/m.exec(readme) ?? []
const [, script = ''] = /```js\n(import \{ UserManager \}.+?)```/s.exec(readme) ?? []

t.test('the web app of the README signs people in as it stands', async (t) => {
  let bundle = ''
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(`<!doctype html><body><script type="module">${bundle}</script>`)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  const page = `http://localhost:${(server.address() as AddressInfo).port}/`
  const here = (text: string) => text.replaceAll('http://localhost:5173/', page)
  const world = await startWorld(t, { CLIENTS: here(registration) })
  const contents = here(script).replaceAll('http://localhost:3000', world.url)
  const options = { bundle: true, format: 'esm', target: 'esnext', write: false } as const
  const { outputFiles: [output] } = await build({ ...options, stdin: { contents, resolveDir: packageRoot } })
  bundle = (output?.text ?? '').replaceAll('</script', '<\\/script')

  const context = await world.visit(t)
  const tab = await context.newPage()
  const signIn = async (persona: string) => {
    await tab.getByText('Sign in', { exact: true }).click()
    await tab.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(tab, persona)
  }
  await tab.goto(page)
  const said = tab.waitForEvent('dialog').then(async (dialog) => {
    const message = dialog.message()
    await dialog.accept()
    return message
  })
  await signIn('Says-no Sam')
  t.match(await said, /declined|denied|said no/i)
  await signIn('Verified Vera')
  await tab.getByText('Hello, Verified Vera').waitFor()
  t.equal(tab.url(), page, 'code and state are gone from the address')
  await tab.reload()
  await tab.getByText('Hello, Verified Vera').waitFor()
})
