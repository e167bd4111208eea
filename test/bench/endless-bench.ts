// A bench that never ends, for environment.slow.test.ts to kill.
import { withEnvironment } from '../../bench/compare/environment.ts'
import { stub } from '../../bench/compare/servers.ts'

await withEnvironment(async ({ folder, startServer }) => {
  const { pid } = await startServer(stub)
  console.log(JSON.stringify({ folder, pid }))
  await new Promise((resolve) => setTimeout(resolve, 600_000))
})
