import type { Texts } from '../texts/texts.ts'
import type { Resources } from '../tokens/resources.ts'
import { THIRD_PARTY_SCOPES } from '../tokens/scope.ts'
import type { Asked } from './asked.ts'

/** A text that a client chose, in isolates: it cannot change the direction of the text around it (UAX #9). */
export const foreign = (text: string) => `\u2068${text}\u2069`

/** What a client asks for or has, in the words of each API, and then about the person. */
export function askedWords (texts: Texts['consent'], asked: Asked[], apis: Pick<Resources, 'find'>): string[] {
  const ofApis = asked.flatMap(({ resource, name, scopes }) => {
    const descriptions = new Map(Object.entries(apis.find(resource)?.scope_descriptions ?? {}))
    const described = scopes
      .filter((scope) => !THIRD_PARTY_SCOPES.includes(scope))
      .map((scope) => descriptions.get(scope) ?? texts.scope(foreign(scope), name))
    return described.length === 0 ? [texts.useApi(name)] : described
  })
  const ofPerson = (['openid', 'profile', 'email'] as const)
    .filter((scope) => asked.some(({ scopes }) => scopes.includes(scope)))
    .map((scope) => texts[scope])
  return [...ofApis, ...ofPerson]
}
