import { Type } from 'typebox'

/** The body of a request about a token (RFC 7009 section 2.1, RFC 7662 section 2.1). */
export const PresentedTokenSchema = Type.Object({
  token: Type.Optional(Type.String({ maxLength: 8192 })),
  token_type_hint: Type.Optional(Type.String({ maxLength: 100, description: 'Ignored: both types are recognised.' })),
  client_id: Type.Optional(Type.String({ maxLength: 200 })),
  client_secret: Type.Optional(Type.String({ maxLength: 500 }))
})
