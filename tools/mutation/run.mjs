// npm run mutation [-- FOLDER ...]: mutates those folders of src, one after the other.
// Of a grid of like cases the tests play the first of each kind, as in `npm test`.
import { execFileSync } from 'node:child_process'
import { testFiles } from './test-files.mjs'

const folders = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(testFiles)
for (const folder of folders) {
  const env = { ...process.env, TEST_SUITE: 'fast', MUTATED: folder }
  execFileSync('npx', ['stryker', 'run'], { stdio: 'inherit', env })
}
