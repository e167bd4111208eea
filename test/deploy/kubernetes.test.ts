import { readFile, readdir } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import t from 'tap'
import { parse } from 'yaml'
import { packageRoot } from '../../src/package-root.ts'
import { SettingsError, readSettings } from '../../src/settings.ts'
import { all, readStages } from './dockerfile.ts'

const folder = join(packageRoot, 'deploy/kubernetes')
/** Each validates against the JSON Schema that Kubernetes publishes. */
const KINDS = { Deployment, NetworkPolicy, PodDisruptionBudget, ConfigMap, Namespace, Secret, Service }

interface Manifest {
  apiVersion: string
  kind: keyof typeof KINDS
  metadata: { name: string, namespace?: string }
}

const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.yaml')).sort()
const manifests: Record<string, any> = Object.fromEntries(
  await Promise.all(files.map(async (name) => [name, parse(await readFile(join(folder, name), 'utf8'))]))
)
const { spec } = manifests['deployment.yaml'].spec.template
const [container] = spec.containers
const settings = manifests['example/settings.yaml'].data
const secret = manifests['example/secret.yaml'].stringData

t.test('every manifest fits the schema of its kind', async (t) => {
  t.same(files, [
    'deployment.yaml',
    'example/secret.yaml',
    'example/settings.yaml',
    'namespace.yaml',
    'network-policy.yaml',
    'pod-disruption-budget.yaml',
    'service.yaml'
  ])
  for (const [name, manifest] of Object.entries<Manifest>(manifests)) {
    const Kind = KINDS[manifest.kind]
    t.equal(Kind && manifest.apiVersion, Kind?.apiVersion, name)
    t.doesNotThrow(() => new Kind(manifest as never).validate(), name)
    t.equal(manifest.kind === 'Namespace' ? manifest.metadata.name : manifest.metadata.namespace, 'signet', name)
  }
  const mistaken = structuredClone(manifests['deployment.yaml'])
  mistaken.spec.template.spec.containers[0].ports[0].containerPort = 'http'
  t.throws(() => new Deployment(mistaken).validate(), 'and the schemas are there')
})

t.test('the Pods keep to the restricted standard', async (t) => {
  t.match(spec.securityContext, { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } })
  t.same(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] }
  })
  t.equal(spec.automountServiceAccountToken, false)
  t.equal(spec.hostNetwork ?? spec.hostPID ?? spec.volumes, undefined)
  const runtime = readStages(await readFile(join(packageRoot, 'Dockerfile'), 'utf8')).at(-1)!
  t.same(
    all(runtime, 'USER'),
    [`${spec.securityContext.runAsUser}:${spec.securityContext.runAsGroup}`],
    'as in the image'
  )
  t.ok(all(runtime, 'ENV').join(' ').includes('NODE_ENV=production'))
})

t.test('two replicas, one of which is always there', async (t) => {
  t.equal(manifests['deployment.yaml'].spec.replicas, 2)
  t.match(manifests['deployment.yaml'].spec.strategy.rollingUpdate, { maxUnavailable: 0 })
  t.equal(manifests['pod-disruption-budget.yaml'].spec.maxUnavailable, 1)
  const labels = manifests['deployment.yaml'].spec.template.metadata.labels
  for (const selector of [
    manifests['deployment.yaml'].spec.selector.matchLabels,
    manifests['pod-disruption-budget.yaml'].spec.selector.matchLabels,
    manifests['service.yaml'].spec.selector,
    manifests['network-policy.yaml'].spec.podSelector.matchLabels
  ]) { t.same(selector, labels) }
})

t.test('a Pod gets the time that it takes to end', async (t) => {
  const { shutdownDelaySeconds } = readSettings({ SHUTDOWN_DELAY: settings.SHUTDOWN_DELAY })
  const { periodSeconds, failureThreshold } = container.readinessProbe
  t.ok(
    shutdownDelaySeconds > periodSeconds * failureThreshold,
    'the last request comes after it was found not to be ready'
  )
  t.ok(spec.terminationGracePeriodSeconds > shutdownDelaySeconds + 30)
  t.same(
    [container.livenessProbe, container.readinessProbe, container.startupProbe].map(({ httpGet }) => httpGet.path),
    ['/healthz', '/readyz', '/healthz']
  )
})

t.test('Signet takes the settings, once the secrets are filled in', async (t) => {
  t.throws(
    () => readSettings({ NODE_ENV: 'production', ...settings, ...secret }),
    SettingsError,
    'not as they stand there'
  )
  const filledIn = {
    ...secret,
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    GITHUB_CLIENT_SECRET: randomBytes(20).toString('hex')
  }
  const { production, issuerUrl, trustProxy, redisUrl, providers } = readSettings({
    NODE_ENV: 'production',
    ...settings,
    ...filledIn
  })
  t.match(
    { production, issuerUrl, trustProxy, redisUrl, providers: providers.length },
    {
      production: true,
      issuerUrl: 'https://id.example.com',
      trustProxy: ['10.0.0.0/8'],
      redisUrl: /^rediss:/,
      providers: 1
    }
  )
})

t.test('what it must reach is not closed, and the metadata service is', async (t) => {
  const { ingress, egress } = manifests['network-policy.yaml'].spec
  t.same(ingress[0].ports, [{ protocol: 'TCP', port: container.ports[0].containerPort }])
  t.same(
    egress[1].ports.map(({ port }: { port: number }) => port),
    [443, 5432, 6379, 4318]
  )
  t.same(egress[1].to[0].ipBlock.except, ['169.254.0.0/16'])
})
