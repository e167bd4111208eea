// npm run mutation [-- FOLDER ...]: mutates those folders of src, one after the other.
import { execFileSync } from 'node:child_process'
import { testFiles } from './test-files.mjs'

const folders = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(testFiles)
for (const folder of folders) {
  execFileSync('npx', ['stryker', 'run'], { stdio: 'inherit', env: { ...process.env, MUTATED: folder } })
}
