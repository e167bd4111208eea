import { PROVIDER_LISTS, providerSettingNames } from '../providers/settings.ts'
import { isSecretFile, type Variables } from './read-variables.ts'

/**
 * Variables that look like a setting and are none, such as ALOWED_ORIGINS or GITHUB_ID: a sentence for each, with the
 * nearest setting. `fixed` are the names of the settings that are no provider's.
 */
export function findMisspelt (variables: Variables, fixed: readonly string[]): string[] {
  const ofProviders = providerSettingNames(variables)
  const known = [...fixed, ...ofProviders]
  const isKnown = new Set(known)
  return Object.keys(variables).flatMap((name) => {
    if (isKnown.has(name) || (isSecretFile(name) && isKnown.has(name.replace(/_FILE$/, '')))) return []
    const nearest = fixed.find((setting) => isMeant(name, setting)) ??
      ofProviders.find((setting) => isMeantOfProvider(name, setting)) ?? nearestOfListed(name, variables, ofProviders)
    return nearest === undefined ? [] : [`${name} is not a setting; did you mean ${nearest}?`]
  })
}

/** Providers that have settings and are not in OIDC_PROVIDERS or OAUTH_PROVIDERS, so that they are not enabled. */
export function findUnlisted (variables: Variables): string[] {
  const known = new Set(providerSettingNames(variables))
  return Object.keys(variables).flatMap((name) => {
    const [, kind = '', id = ''] = /^(OIDC|OAUTH)_([A-Z][A-Z0-9_]*)_CLIENT_ID$/.exec(name) ?? []
    if (id === '' || known.has(name)) return []
    return [`${name} has no effect: ${id.toLowerCase().replaceAll('_', '-')} is not in ${kind}_PROVIDERS`]
  })
}

/** Whether a name differs from a setting's as a typing mistake does, or in its underscores or case. */
function isMeant (name: string, setting: string): boolean {
  const typed = name.toUpperCase()
  if (typed === `${setting}_FILE`) return true
  const words = setting.split('_').length
  if (words > 1 && typed.replaceAll('_', '') === setting.replaceAll('_', '')) return true
  return typed[0] === setting[0] && typed.split('_').length === words && areWordsNear(typed, setting)
}

/** The same for a provider's. Only credentials show that a name which is not quite the provider's is meant for it. */
function isMeantOfProvider (name: string, setting: string): boolean {
  const typed = name.toUpperCase()
  const isCredential = /_CLIENT_(ID|SECRET)$/.test(setting)
  const variants = [typed.replace(/_(OAUTH2?|APP)_/, '_'), typed.replace(/_(ID|SECRET)$/, '_CLIENT_$1')]
  if (isCredential && variants.includes(setting)) return true
  return (isCredential || typed.split('_')[0] === setting.split('_')[0]) && isMeant(name, setting)
}

/** So many letters of a word may be wrong: of a short one none, since it is soon another word (API, APP). */
const mayDiffer = (word: string) => word.length < 3 ? 0 : word.length < 5 ? 1 : 2

function areWordsNear (typed: string, right: string): boolean {
  const words = right.split('_')
  const distances = typed.split('_').map((word, index) => distance(word, words[index] as string))
  // PORT is soon POST.
  if (words.length === 1 && right.length < 6) return false
  if ((distances[0] as number) > 0 && (words[0] as string).length < 5) return false
  return distances.every((each, index) => each <= mayDiffer(words[index] as string)) &&
    distances.reduce((sum, each) => sum + each) <= 2
}

/** The nearest setting of a provider of the settings, whose prefix is nobody else's. */
function nearestOfListed (name: string, variables: Variables, known: string[]): string | undefined {
  const prefix = PROVIDER_LISTS.flatMap((kind) => kind.prefixes(variables)).find((each) => name.startsWith(each))
  if (prefix === undefined) return undefined
  const own = known.filter((setting) => setting.startsWith(prefix))
  return own.sort((one, other) => distance(name, one) - distance(name, other))[0]
}

/** The number of letters to insert, leave out, replace or swap with the next. */
function distance (from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= from.length; row++) {
    const [last, beforeLast] = [rows[row - 1] as number[], rows[row - 2]]
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current.push(Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + (isSame ? 0 : 1),
        beforeLast !== undefined && isSwapped ? (beforeLast[column - 2] as number) + 1 : Infinity
      ))
    }
    rows.push(current)
  }
  return rows[from.length]?.[to.length] as number
}
