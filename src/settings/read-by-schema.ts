import { Type, type Static, type TObject, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { list } from '../providers/comma-separated.ts'
import type { Variables } from './read-variables.ts'

/** What the schema of a setting says beside its type (src/settings/schema.ts). */
type SettingSchema = TSchema & { variable: string, rule: string, words?: string[], none?: string, default?: unknown }

/**
 * Reads the settings that a schema describes. A wrong value is reported to `mistakes`, and its default returned, so
 * that all mistakes are found in one run. An optional object is absent unless a variable is set that it requires.
 */
export function readBySchema<Schema extends TObject> (
  schema: Schema, variables: Variables, mistakes: string[]
): Static<Schema> {
  const settings = Object.entries<TSchema>(schema.properties).map(([name, member]) => {
    const read = Type.IsObject(member) ? readGroup : readSetting
    return [name, read(member as TObject & SettingSchema, variables, mistakes)]
  })
  return Object.fromEntries(settings.filter(([, value]) => value !== undefined)) as Static<Schema>
}

function readGroup (schema: TObject, variables: Variables, mistakes: string[]): unknown {
  const required = Object.values<TSchema>(schema.properties).filter(isRequired)
  if (required.every(({ variable }) => variables[variable] === undefined)) return undefined
  const ownMistakes = required
    .filter(({ variable }) => variables[variable] === undefined)
    .map(({ variable, rule }) => `${variable} is missing; it ${rule}`)
  const group = readBySchema(schema, variables, ownMistakes)
  mistakes.push(...ownMistakes)
  return ownMistakes.length === 0 ? group : undefined
}

function isRequired (schema: TSchema): schema is SettingSchema {
  return !Type.IsOptional(schema) && !('default' in schema)
}

function readSetting (schema: SettingSchema, variables: Variables, mistakes: string[]): unknown {
  const text = variables[schema.variable]
  if (text === undefined) return schema.default
  const value = parse(schema, text)
  const errors = Value.Errors(schema, value)
  if (errors.length === 0) return value
  const { variable, rule } = schema
  const toMistake = Array.isArray(value)
    ? ({ instancePath }: { instancePath: string }) => `${variable}: "${value[Number(instancePath.slice(1))]}" ${rule}`
    : () => `${variable} ${rule}`
  mistakes.push(...new Set(errors.map(toMistake)))
  return schema.default
}

/** The value that a text stands for; the text itself where it stands for none. */
function parse (schema: SettingSchema, text: string): unknown {
  if (Type.IsInteger(schema)) return /^\d+$/.test(text) ? Number(text) : text
  if (Type.IsArray(schema)) return text === schema.none ? [] : list(text)
  if (schema.words?.includes(text)) return schema.words.indexOf(text) === 1
  return text
}
