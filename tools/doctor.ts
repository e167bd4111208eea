/** `npm run doctor`: finds mistakes in the settings. Exits 1 when a login would fail; `--json` for machines. */
import '../src/logging/quiet-debug.ts'
import { existsSync } from 'node:fs'
import { examine } from './doctor/examine.ts'

const MARKS = { ok: '✓', warning: '!', error: '✗' }

if (existsSync('.env')) process.loadEnvFile('.env')
const findings = await examine(process.env)
const isWell = !findings.some(({ status }) => status === 'error')
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ ok: isWell, findings }, undefined, 2))
} else {
  for (const { check, status, message, advice } of findings) {
    console.log(`${MARKS[status]} ${check}: ${message}${advice === undefined ? '' : `\n    ${advice}`}`)
  }
  console.log(isWell ? '\nNothing stands in the way of a login.' : '\nA login would fail.')
}
process.exit(isWell ? 0 : 1)
