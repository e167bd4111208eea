import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import t from 'tap'
import { parse } from 'yaml'
import { packageRoot } from '../../src/package-root.ts'
import { sampler } from '../plugins/scrape.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { setup } from '../helper.ts'

interface Rule {
  alert: string
  expr: string
  for?: string
  labels: { severity: string }
  annotations: { summary: string, runbook: string }
}

const read = (path: string) => readFile(join(packageRoot, path), 'utf8')
const rules: Rule[] = parse(await read('deploy/prometheus/alerts.yaml')).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules
)
const dashboard = JSON.parse(await read('deploy/grafana/signet.json'))
const operations = await read('docs/operations.md')

/** Grafana's variables, as it would fill them in. */
const filledIn = (expression: string) => expression.replace(/\$__\w+/g, '5m').replace(/\$\w+/g, 'github')
const onDashboard: { title: string, expr: string }[] = dashboard.panels.flatMap(
  ({ title, targets }: { title: string, targets: { expr: string }[] }) =>
    targets.map(({ expr }) => ({ title, expr: filledIn(expr) }))
)
const expressions = [...rules.map(({ alert, expr }) => ({ title: alert, expr })), ...onDashboard]

/** The metrics and labels that an expression names, by Prometheus's own grammar; undefined when it breaks that. */
function namesIn (expression: string) {
  const names = { metrics: new Set<string>(), labels: new Set<string>() }
  let isWrong = false
  parser.parse(expression).iterate({
    enter ({ type, from, to, node }) {
      const text = expression.slice(from, to)
      if (type.isError) isWrong = true
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') names.metrics.add(text)
      if (type.name === 'LabelName') names.labels.add(text)
    }
  })
  return isWrong || names.metrics.size === 0 ? undefined : names
}

t.test('what alerts and dashboard ask for is what /metrics has, by name and by label', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url } = await setup(t, { ...github.settings, REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMITS: 'on' })
  const text = await sampler(url).scrape()
  const kinds = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)]
  const known = new Set(
    kinds.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]
    )
  )
  const labels = new Set([
    'job',
    'instance',
    'le',
    ...[...operations.matchAll(/^\| `\w+` \| \w+ \| ([^|]*) \|/gm)].flatMap(([, list = '']) =>
      [...list.matchAll(/\w+/g)].map(([one]) => one)
    )
  ])
  for (const { title, expr } of expressions) {
    const names = namesIn(expr)
    t.ok(names, `${title}: the expression is PromQL`)
    for (const name of names?.metrics ?? []) t.ok(name === 'up' || known.has(name), `${title}: ${name}`)
    for (const label of names?.labels ?? []) t.ok(labels.has(label), `${title}: ${label}`)
  }
  t.equal(namesIn('sum(rate(x[5m])'), undefined, 'the grammar notices')
  t.notOk(known.has('logins_total'))
})

t.test('every metric of ours is looked at somewhere', async (t) => {
  const documented = [...operations.matchAll(/^\| `(\w+)` \| (?:counter|gauge|histogram) \|/gm)].map(
    ([, name = '']) => name
  )
  const used = new Set(
    expressions
      .flatMap(({ expr }) => [...(namesIn(expr)?.metrics ?? [])])
      .map((name) => name.replace(/_(bucket|count|sum)$/, ''))
  )
  t.same(
    documented.filter((name) => !used.has(name)),
    []
  )
})

t.test('every alert says how bad it is and leads to a chapter that is there', async (t) => {
  const anchors = [...operations.matchAll(/^#+ (.*)$/gm)].map(
    ([, title = '']) => `docs/operations.md#${title.toLowerCase().replaceAll(' ', '-')}`
  )
  for (const { alert, labels, annotations } of rules) {
    t.match(labels.severity, /^(critical|warning)$/, alert)
    t.ok(annotations.summary, alert)
    t.ok(anchors.includes(annotations.runbook), `${alert}: ${annotations.runbook}`)
  }
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
})

t.test('the panels of the dashboard neither overlap nor stick out', async (t) => {
  const taken = new Set<string>()
  for (const {
    title,
    gridPos: { x, y, w, h }
  } of dashboard.panels) {
    t.ok(x + w <= 24, title)
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        t.notOk(taken.has(`${column},${row}`), title)
        taken.add(`${column},${row}`)
      }
    }
  }
})
