import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { RECORDER, profileTables, type CpuProfile, type ProfileNode } from '../../bench/profile/summary.ts'

const node = (id: number, functionName: string, url: string, children: number[] = []): ProfileNode =>
  ({ id, callFrame: { functionName, url, lineNumber: 0, columnNumber: 0 }, children })

const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 7, 8, 9]),
    node(2, 'query', 'file:///app/node_modules/pg/lib/client.js', [3]),
    node(3, 'writeGeneric', 'node:internal/stream_base_commons', [4]),
    node(4, 'writev', ''),
    node(5, 'unused', 'file:///dist/server.js'),
    node(6, 'unused', ''),
    node(7, '(idle)', ''),
    node(8, 'finish', 'file:///dist/server.js'),
    node(9, 'dispatch', 'node:inspector', []),
    node(10, 'save', `file://${packageRoot}/${RECORDER}`, [])
  ],
  samples: [2, 3, 4, 7, 8, 10],
  timeDeltas: [100, 100, 200, 5000, 600, 900]
}

t.test('CPU time is summed up by package: its own, and what Node did for it', async (t) => {
  const source = `${packageRoot}/src/sign-in/service.ts`
  const original = (url: string) => url === 'file:///dist/server.js' ? source : undefined
  const text = profileTables(profile, 2, original)
  t.match(text, '2.00 ms of CPU per operation')
  t.match(text, '| Signet: sign-in | 1.200 ms | 60.0 % | 1.200 ms | 60.0 % |')
  t.match(text, '| pg | 0.200 ms | 10.0 % | 0.800 ms | 40.0 % |')
  t.match(text, '| Node: sockets and streams | 0.600 ms | 30.0 % | 0.000 ms | 0.0 % |', 'writev counts for its caller')
  t.match(text, '| writev (node:internal/stream_base_commons) | 0.400 ms | 20.0 % |')
  t.match(text, '| finish (src/sign-in/service.ts) | 1.200 ms | 60.0 % |')
  t.notMatch(text, /idle|recorder/)
})
