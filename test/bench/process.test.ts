import t from 'tap'
import { cpuMs, memoryOf, processTree } from '../../bench/compare/process.ts'

const MB = 1024 * 1024
const skip = process.platform !== 'linux' && 'there is no /proc'

t.test('CPU time and memory are those of the process and its descendants', { skip }, async (t) => {
  const before = await cpuMs(process.pid)
  const usage = process.cpuUsage()
  const byGetrusage = () => (process.cpuUsage(usage).user + process.cpuUsage(usage).system) / 1000
  while (byGetrusage() < 300) Math.sqrt(2)
  const spent = await cpuMs(process.pid) - before
  t.ok(Math.abs(spent - byGetrusage()) < 100, `${spent} ms, and ${byGetrusage()} by getrusage`)
  t.ok((await processTree(process.ppid)).includes(process.pid))
  const { resident, proportional } = await memoryOf(process.pid)
  t.ok(proportional > 10 * MB && resident >= proportional)
})
