import { Type } from 'typebox'

/** RFC 6749 section 5.1. */
export const TokenResponseSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.String({ enum: ['Bearer', 'DPoP'], description: '`DPoP` for a request with a DPoP proof.' }),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  refresh_token: Type.Optional(Type.String({
    description: 'Absent in cookie mode, where it is in the cookie, and for a client itself.'
  })),
  scope: Type.Optional(Type.String({ description: 'Absent where it would be empty.' })),
  id_token: Type.Optional(Type.String()),
  issued_token_type: Type.Optional(Type.String({ description: 'After native sign-in (RFC 8693 section 2.2.1).' }))
}, { title: 'TokenResponse' })
