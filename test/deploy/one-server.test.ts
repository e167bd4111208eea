import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DCLinter } from 'dclint'
import t from 'tap'
import { parse } from 'yaml'
import { packageRoot } from '../../src/package-root.ts'
import { readSettings } from '../../src/settings.ts'
import { ENCRYPTION_KEYS } from '../helper.ts'

const file = join(packageRoot, 'deploy/docker/compose.yaml')
const { services, networks } = parse(await readFile(file, 'utf8'))

t.test('the linter has nothing to say about the compose file for production', async (t) => {
  const rules = { 'service-keys-order': 0, 'top-level-properties-order': 0 } as const
  const [result] = new DCLinter({ rules, quiet: false, debug: false, exclude: [] }).lintFiles([file], false)
  t.equal(result?.filePath, file)
  t.strictSame(result?.messages, [])
})

t.test('in production only this machine reaches the containers, and the gateway is the proxy', async (t) => {
  const ports = Object.values<{ ports?: string[] }>(services).flatMap(({ ports = [] }) => ports)
  t.strictSame(ports, ['127.0.0.1:3000:3000'])
  t.equal(services.api.environment.TRUST_PROXY, networks.signet.ipam.config[0].gateway)
  t.match(await readFile(join(packageRoot, 'docs/deploy.md'), 'utf8'), `\`${services.api.environment.TRUST_PROXY}\``)
})

t.test('Signet starts in production with the settings of docs/deploy.md', async (t) => {
  const page = await readFile(join(packageRoot, 'docs/deploy.md'), 'utf8')
  const [, block = ''] = /^## Settings\n.*?```sh\n(.*?)```/ms.exec(page) ?? []
  const lines = block.trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2))
  const environment = { ...Object.fromEntries(lines), ENCRYPTION_KEYS, NODE_ENV: 'production' }
  const settings = readSettings(environment)
  t.match(settings, { production: true, issuerUrl: 'https://id.example.com', trustProxy: ['127.0.0.1'] })
  t.equal(lines.length, 7)
})
