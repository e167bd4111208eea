import { readFile } from 'node:fs/promises'
import t from 'tap'
import { BUILT_IN_PROVIDERS } from '../../src/providers/registry.ts'
import { providerDocs } from '../../tools/provider-docs.ts'

t.test("docs/providers.md says what the providers' own files say", async (t) => {
  t.equal(
    await readFile(new URL('../../docs/providers.md', import.meta.url), 'utf8'),
    providerDocs(),
    'run: npm run provider-docs'
  )
})

t.test(
  'every built-in provider is explained: where to get credentials, its callback URL, its settings, its pages',
  async (t) => {
    const docs = providerDocs()
    for (const { id, documentation, console: where, quirks } of BUILT_IN_PROVIDERS) {
      t.match(docs, `http://localhost:3000/login/${id}/callback`)
      t.match(docs, `${id.toUpperCase()}_CLIENT_ID`)
      t.ok(documentation.length > 0 && documentation.every((url) => URL.canParse(url)), id)
      t.match(where, /https:\/\//, id)
      t.ok(quirks.length > 0, id)
    }
    t.equal(new Set(BUILT_IN_PROVIDERS.map(({ id }) => id)).size, BUILT_IN_PROVIDERS.length)
  }
)

t.test(".env.example and the README's list name every built-in provider", async (t) => {
  const [example, readme] = await Promise.all(
    ['.env.example', 'README.md'].map((file) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8'))
  )
  for (const { id, name } of BUILT_IN_PROVIDERS) {
    t.match(example, new RegExp(`^(# )?${id.toUpperCase()}_CLIENT_ID=`, 'm'))
    t.match(readme, name)
  }
})
