import { parseArgs } from 'node:util'
import { parse, UsageError } from '../admin/command.ts'
import type { Source } from './source.ts'
import { SOURCES } from './sources.ts'

export interface ImportArguments {
  source: Source
  file: string | undefined
  dryRun: boolean
  byEmail: boolean
  providers: Map<string, string>
  roles: string[]
  metadata: boolean
  report: string | undefined
  query: boolean
}

/** Throws UsageError. */
export function readArguments (args: string[]): ImportArguments {
  const flag = { type: 'boolean', default: false } as const
  const list = { type: 'string', multiple: true, default: [] } as { type: 'string', multiple: true, default: string[] }
  const { values } = parse(() => parseArgs({
    args,
    options: {
      from: { type: 'string' },
      file: { type: 'string' },
      report: { type: 'string' },
      provider: list,
      role: list,
      'dry-run': flag,
      'by-email': flag,
      metadata: flag,
      query: flag
    }
  }))
  const { from, file, report, metadata, query } = values
  const source = SOURCES.find(({ id }) => id === from)
  if (!source) throw new UsageError(from === undefined ? '--from is missing.' : `--from ${from} is no source.`)
  if ((query || file === undefined) && !source.query) {
    throw new UsageError(`${source.name} has no database to read: give its export by --file.`)
  }
  return {
    source,
    file,
    dryRun: values['dry-run'],
    byEmail: values['by-email'],
    providers: new Map(values.provider.map(readProvider)),
    roles: values.role.map(readRole),
    metadata,
    report,
    query
  }
}

function readProvider (text: string): [string, string] {
  const [, name, id] = /^(.+)=([a-z][a-z0-9-]*)$/.exec(text) ?? []
  if (name === undefined || id === undefined) throw new UsageError('--provider must be <name>=<id of the settings>.')
  return [name, id]
}

function readRole (name: string): string {
  if (!/^[a-z][a-z0-9_.:-]{0,49}$/.test(name)) throw new UsageError('--role must be the name of a role.')
  return name
}
