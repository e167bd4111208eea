import { Type, type Static } from 'typebox'
import { metadataSettings } from './client-metadata.ts'

const registration = {
  client_id: Type.String({ minLength: 1, maxLength: 200 }),
  name: Type.String({ minLength: 1, maxLength: 200 }),
  redirect_uris: Type.Array(Type.String({ minLength: 1, maxLength: 2000 })),
  post_logout_redirect_uris: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 2000 }))),
  client_secret: Type.Optional(Type.String({ minLength: 1, maxLength: 500 }))
}

/** The CLIENTS setting: first-party applications, named as in OpenID Connect Dynamic Client Registration section 2. */
export const ClientSettingsSchema = Type.Array(
  Type.Object({ ...registration, ...metadataSettings }, { additionalProperties: false })
)

/** Has the members of ClientMetadata, too; `readMetadataSettings` reads them. */
export type ClientSettings = Static<Type.TObject<typeof registration>>
