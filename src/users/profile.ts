import { Type, type Static, type TSchemaOptions } from 'typebox'
import { avatarUrl as cleanAvatarUrl, text } from '../providers/claims.ts'

const nullableString = (options: TSchemaOptions) =>
  Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], ...options }))

const NAME_LENGTH = 200

/** The fields that users may edit. An edited field, null too, stays: the provider no longer overwrites it. */
export const ProfilePatchSchema = Type.Object({
  name: nullableString({ maxLength: NAME_LENGTH, description: 'Control characters are removed; blank is null.' }),
  avatarUrl: nullableString({ maxLength: 2000, format: 'https-url', description: 'Signet never fetches this URL.' }),
  locale: nullableString({ maxLength: 100, format: 'language-tag', description: 'A BCP 47 tag, such as `pt-BR`.' })
}, { additionalProperties: false })

export type ProfilePatch = Static<typeof ProfilePatchSchema>

/** The columns of these fields, for a typed query. */
export const PROFILE_SELECT = { name: true, avatarUrl: true, locale: true } satisfies Record<keyof ProfilePatch, true>

export const PROFILE_FIELDS = Object.keys(PROFILE_SELECT) as (keyof ProfilePatch)[]

/** Cleans the patch as the claims of a provider are cleaned. */
export function cleanProfile ({ name, avatarUrl, locale }: ProfilePatch): ProfilePatch {
  return {
    // JavaScript counts characters beyond the basic plane twice: a name that the schema accepts is never cut.
    ...name === undefined ? {} : { name: text(name, 2 * NAME_LENGTH) },
    ...avatarUrl === undefined ? {} : { avatarUrl: cleanAvatarUrl(avatarUrl) },
    ...locale === undefined ? {} : { locale: locale && new Intl.Locale(locale).toString() }
  }
}
