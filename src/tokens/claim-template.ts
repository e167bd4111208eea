import type { IdentityGrant } from './grants.ts'

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject
export interface JsonObject { [name: string]: JsonValue }

/** What the placeholders of a template stand for. */
export type ClaimSubject =
  Pick<IdentityGrant, 'userId' | 'email' | 'name' | 'roles' | 'metadata' | 'clientId' | 'sessionId'>

/** Fills in a template: the claims for one token. */
export type ClaimTemplate = (subject: ClaimSubject) => Record<string, unknown>

/** The value for a subject; undefined where it is missing. */
type Fill = (subject: ClaimSubject) => unknown

const PLACEHOLDER = /\{([^{}]*)\}/g
const METADATA = /^user\.metadata\.([^{}]+)$/

const VALUES: Record<string, Fill> = {
  'user.id': ({ userId }) => userId,
  'user.email': ({ email }) => email,
  'user.name': ({ name }) => name,
  'user.roles': ({ roles }) => roles,
  'client.id': ({ clientId }) => clientId,
  'session.id': ({ sessionId }) => sessionId
}

/**
 * Compiles TOKEN_CLAIMS or ID_TOKEN_CLAIMS, once. `{user.id}`, `{user.email}`, `{user.name}`, `{user.roles}`,
 * `{user.metadata.<path>}`, `{client.id}` and `{session.id}` in a text are filled in. A text that is one placeholder
 * alone keeps the type of its value, and in a list the items of a list take its place. What is missing is left out,
 * with the text that it stands in.
 */
export function compileClaims (template: JsonObject): ClaimTemplate {
  return compileObject(template)
}

/** The mistakes in a template, each as the end of a sentence about the setting. */
export function claimMistakes (template: JsonObject, reserved: readonly string[]): string[] {
  const names = Object.keys(template).filter((name) => reserved.includes(name))
  const texts = textsOf(template)
  return [
    ...names.map((name) => `must not have "${name}": Signet itself says what it is`),
    ...texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name))
      .filter((name) => !isKnown(name))
      .map((name) => `has {${name}}, which is no placeholder; there are ${KNOWN_PLACEHOLDERS}`),
    ...texts.filter((text) => text.includes('{user.roles}') && text !== '{user.roles}')
      .map(() => 'has {user.roles}, which is a list, in a longer text; it must stand alone')
  ]
}

/** Whether a template needs the user's metadata. */
export function usesMetadata (template: JsonObject): boolean {
  return textsOf(template).some((text) => text.includes('{user.metadata.'))
}

const KNOWN_PLACEHOLDERS = [...Object.keys(VALUES), 'user.metadata.<path>'].map((name) => `{${name}}`).join(', ')

const isKnown = (name: string) => Object.hasOwn(VALUES, name) || METADATA.test(name)

function textsOf (value: JsonValue): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

function compile (value: JsonValue): Fill {
  if (typeof value === 'string') return compileText(value)
  if (Array.isArray(value)) return compileList(value)
  return typeof value === 'object' && value !== null ? compileObject(value) : () => value
}

function compileObject (object: JsonObject): ClaimTemplate {
  const members = Object.entries(object).map(([name, value]) => [name, compile(value)] as const)
  return (subject) => Object.fromEntries(
    members.map(([name, fill]) => [name, fill(subject)] as const).filter(([, value]) => value !== undefined)
  )
}

function compileList (list: JsonValue[]): Fill {
  const items = list.map((item) => ({ fill: compile(item), isText: typeof item === 'string' }))
  return (subject) => items.flatMap(({ fill, isText }) => {
    const value = fill(subject)
    if (value === undefined) return []
    return isText && Array.isArray(value) ? value : [value]
  })
}

function compileText (text: string): Fill {
  const placeholders = [...text.matchAll(PLACEHOLDER)]
  const [first] = placeholders
  if (!first) return () => text
  if (first[0] === text) return compilePlaceholder(first[1] ?? '')
  const fills = new Map(placeholders.map(([, name = '']) => [name, compilePlaceholder(name)]))
  return (subject) => {
    const values = new Map([...fills].map(([name, fill]) => [name, fill(subject)]))
    if (![...values.values()].every(isPlain)) return undefined
    return text.replaceAll(PLACEHOLDER, (_, name: string) => String(values.get(name)))
  }
}

/** What can stand within a longer text. */
function isPlain (value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

function compilePlaceholder (name: string): Fill {
  const [, path] = METADATA.exec(name) ?? []
  const read = path === undefined ? VALUES[name] : metadataReader(path.split('.'))
  return (subject) => read?.(subject) ?? undefined
}

function metadataReader (path: string[]): Fill {
  return ({ metadata }) => path.reduce<unknown>((value, name) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, unknown>)[name]
      : undefined, metadata)
}
