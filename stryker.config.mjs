// npm run mutation -- FOLDER: see docs/mutation.md.
import { testFiles } from './tools/mutation/test-files.mjs'

const folder = process.env.MUTATED ?? ''
const report = `.mutation/${folder.replaceAll('/', '-')}`

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [`src/${folder}.ts`, `src/${folder}/**/*.ts`],
  testRunner: 'in-process-tap',
  plugins: ['./tools/mutation/runner.mjs', './tools/mutation/ignorer.mjs'],
  ignorers: ['for-people'],
  inProcessTap: { testFiles: testFiles[folder], testsPerMutant: 80, sample: Number(process.env.SAMPLE ?? 1) },
  warnings: { unknownOptions: false },
  buildCommand: 'tsx tools/mutation/start-database.ts',
  coverageAnalysis: 'perTest',
  disableBail: false,
  disableTypeChecks: false,
  concurrency: 2,
  timeoutMS: 15_000,
  timeoutFactor: 1.5,
  ignoreStatic: true,
  dryRunTimeoutMinutes: 30,
  ignorePatterns: ['.data', 'dist', 'bench', 'deploy', 'docs', 'examples', 'test/browser'],
  reporters: ['clear-text', 'json', 'progress-append-only'],
  clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `${report}.json` },
  tempDirName: '.stryker-tmp',
  incremental: true,
  incrementalFile: `${report}.incremental.json`
}
