import t from 'tap'
import { commandLine } from '../src/command-line.ts'

// test/server.slow.test.ts has that of the build, test/packages/server.slow.test.ts that of the package.
t.test('in a checkout a tool is a script of npm', (t) => {
  t.equal(commandLine('admin'), 'npm run admin --')
  t.end()
})
