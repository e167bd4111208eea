import { Type, type Static, type TSchemaOptions } from 'typebox'
import { avatarUrl as cleanAvatarUrl, text } from '../providers/claims.ts'

const nullableString = (options: TSchemaOptions) => Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], ...options }))

const NAME_LENGTH = 200

/** What users may say of themselves. What they say stays, null too: the provider no longer overwrites it. */
export const ProfilePatchSchema = Type.Object({
  name: nullableString({ maxLength: NAME_LENGTH, description: 'Control characters are taken out; what is blank is null.' }),
  avatarUrl: nullableString({ maxLength: 2000, format: 'https-url', description: 'An https URL. It is never fetched from here.' }),
  locale: nullableString({ maxLength: 100, format: 'language-tag', description: 'A BCP 47 tag, such as `pt-BR`.' })
}, { additionalProperties: false })

export type ProfilePatch = Static<typeof ProfilePatchSchema>

/** The patch in the spelling in which a provider's words are kept too. */
export function cleanProfile ({ name, avatarUrl, locale }: ProfilePatch): ProfilePatch {
  return {
    // Characters beyond the first plane count twice in JavaScript: nothing that the schema let through is cut.
    ...name === undefined ? {} : { name: text(name, 2 * NAME_LENGTH) },
    ...avatarUrl === undefined ? {} : { avatarUrl: cleanAvatarUrl(avatarUrl) },
    ...locale === undefined ? {} : { locale: locale && new Intl.Locale(locale).toString() }
  }
}
