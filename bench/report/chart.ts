import { median, type Cost, type Figures } from '../compare/figures.ts'
import { megabytes } from './markdown.ts'
import { byServer, serverName } from './names.ts'

interface Bar { server: string, value: number, label: string }
interface Panel { title: string, bars: Bar[] }

const WIDTH = 760
const LABEL_WIDTH = 226
const BAR_END = 640
const ROW = 24
const BAR = 16
const HEAD = 84
const PANEL_HEAD = 34
const GAP = 20

/**
 * The figures as bars, a panel for each quantity with a scale of its own. The picture has neither scripts nor fonts,
 * says in words what it shows, and follows the reader's light or dark theme.
 */
export function chart (figures: Figures): string {
  const panels = panelsOf(figures)
  const tops: number[] = []
  let height = HEAD
  for (const { bars } of panels) {
    tops.push(height)
    height += PANEL_HEAD + bars.length * ROW + GAP
  }
  const subtitle = `Shorter is better. One run on ${figures.measuredOn}; each panel has a scale of its own.`
  const words = panels.map(({ title, bars }) => {
    return `${title}: ${bars.map(({ server, label }) => `${serverName(server)} ${label}`).join(', ')}.`
  }).join(' ')
  const root = `xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`
  return `<svg ${root} role="img" aria-labelledby="title desc">
<title id="title">What Signet costs, beside the limits and its peers</title>
<desc id="desc">${escape(words)}</desc>
<style>
  text { font: 14px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
  .ground { fill: #ffffff } .title { font-size: 20px; font-weight: 600 } .panel { font-weight: 600 }
  .quiet { fill: #59636e } .other { fill: #6e7781 } .limit { fill: #8a929b } .signet { fill: #0a66c2 }
  .strong { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .ground { fill: #0d1117 } .quiet { fill: #9198a1 }
    .other { fill: #9198a1 } .limit { fill: #656c76 } .signet { fill: #4ba0f5 }
  }
</style>
<rect class="ground" width="${WIDTH}" height="${height}"/>
<text class="title" x="24" y="38">What Signet costs, beside the limits and its peers</text>
<text class="quiet" x="24" y="62">${escape(subtitle)}</text>
${panels.map((panel, index) => panelAt(panel, tops[index] ?? 0)).join('\n')}
</svg>
`
}

function panelsOf ({ logins, operations, starts, idleMemory, footprint }: Figures): Panel[] {
  const inMs = (value: number) => `${value.toFixed(2)} ms`
  const cpu = (costs: Record<string, Cost> = {}) => bars(costs, ({ cpuMs }) => median(cpuMs), inMs)
  const warm = (kind: keyof Figures['logins']) =>
    cpu(Object.fromEntries(Object.entries(logins[kind]).map(([server, { warm }]) => [server, warm])))
  return [
    { title: 'Complete login, OAuth: server CPU', bars: warm('oauth') },
    { title: 'Complete login, OpenID: server CPU', bars: warm('openid') },
    { title: 'Session check: server CPU', bars: cpu(operations['check']) },
    { title: 'Refresh: server CPU', bars: cpu(operations['refresh']) },
    {
      title: 'Cold start, to the first response',
      bars: bars(starts, ({ wallMs }) => median(wallMs), (value) => `${value.toFixed(0)} ms`)
    },
    {
      title: 'Memory, idle',
      bars: bars(idleMemory, (samples) => median(samples.map(({ resident }) => resident)), megabytes)
    },
    { title: 'Production install', bars: bars(footprint, ({ bytes }) => bytes, megabytes) }
  ]
}

type Label = (value: number) => string

function bars<Value> (values: Record<string, Value>, of: (value: Value) => number, label: Label): Bar[] {
  return byServer(values).map(([server, value]) => ({ server, value: of(value), label: label(of(value)) }))
}

function panelAt ({ title, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value))
  const rows = bars.map(({ server, value, label }, index) => {
    const y = top + PANEL_HEAD + index * ROW
    const width = Math.max(2, value / most * (BAR_END - LABEL_WIDTH)).toFixed(1)
    const isSignet = server === 'signet'
    const kind = isSignet ? 'signet' : server === 'limit' || server === 'bare' ? 'limit' : 'other'
    const strong = isSignet ? ' class="strong"' : ''
    const name = escape(serverName(server))
    return `<text${strong} x="${LABEL_WIDTH - 10}" y="${y + 13}" text-anchor="end">${name}</text>` +
      `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR}" rx="2"/>` +
      `<text${strong} x="${(LABEL_WIDTH + Number(width) + 8).toFixed(1)}" y="${y + 13}">${escape(label)}</text>`
  })
  return [`<text class="panel" x="24" y="${top + 16}">${escape(title)}</text>`, ...rows].join('\n')
}

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
