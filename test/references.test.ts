import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/package-root.ts'

/** What documents, comments and messages refer to is in this repository. */

const FOLDERS = ['bench', 'deploy', 'docs', 'examples', 'packages', 'prisma', 'src', 'test', 'tools', 'torture']
const MADE = /(^|\/)(node_modules|generated|dist|\.data|\.tap)\//

async function filesOf (folder: string): Promise<string[]> {
  const entries = await readdir(join(packageRoot, folder), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => relative(packageRoot, join(parentPath, name)))
}

const atRoot = (await readdir(packageRoot, { withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map(({ name }) => name)
const files = [...atRoot, ...(await Promise.all(FOLDERS.map(filesOf))).flat()].filter((file) => !MADE.test(`${file}/`))
const documents = files.filter((file) => file.endsWith('.md'))
const texts = files.filter((file) => /\.(md|ts|mjs|js|yaml|yml|prisma)$|^(Dockerfile|\.env\.example)$/.test(file))

const read = (file: string) => readFile(join(packageRoot, file), 'utf8')
const exists = (...path: string[]) => existsSync(join(packageRoot, ...path))

/** As GitHub makes the anchor of a heading. */
function anchorOf (heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

async function anchorsOf (file: string): Promise<string[]> {
  return [...(await read(file)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading.trim()))
}

t.test('relative links lead to a file and a heading that exist', async (t) => {
  for (const file of documents) {
    // GitHub has the results of CI beside the files.
    const text = (await read(file)).replaceAll(/\]\(\.\.\/\.\.\/actions\/[^)]*\)/g, '')
    const links = text.matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g)
    for (const [link, path = '', anchor] of links) {
      const target = path === '' ? file : join(dirname(file), path)
      t.ok(exists(target), `${file}: ${link}`)
      if (anchor !== undefined) t.ok((await anchorsOf(target)).includes(anchor), `${file}: ${link} has that heading`)
    }
  }
})

t.test('a document that a file names is there', async (t) => {
  for (const file of texts) {
    const names = [...(await read(file)).matchAll(/(?<![\w./:-])(?:\.{1,2}\/)*[\w-][\w./-]*\.md\b/g)].map(
      ([name]) => name
    )
    const isThere = (name: string) => [name, join(dirname(file), name), join('docs', name)].some((path) => exists(path))
    t.same(
      names.filter((name) => !isThere(name)),
      [],
      file
    )
  }
})

t.test('a path that a document names is there', async (t) => {
  for (const file of documents.filter((file) => file !== 'CHANGELOG.md')) {
    const paths = (await read(file)).matchAll(new RegExp(`\`((?:${FOLDERS.join('|')})/[\\w./-]+)\``, 'g'))
    t.same(
      [...paths].map(([, path = '']) => path).filter((path) => !exists(path)),
      [],
      file
    )
  }
})
