import { Type } from 'typebox'
import { CREDENTIAL_PARAMETERS } from '../clients/clients.ts'

/** The body of a request about a token (RFC 7009 section 2.1, RFC 7662 section 2.1). */
export const PresentedTokenSchema = Type.Object({
  token: Type.Optional(Type.String({ maxLength: 8192 })),
  token_type_hint: Type.Optional(Type.String({ maxLength: 100, description: 'Ignored: both types are recognised.' })),
  ...CREDENTIAL_PARAMETERS
})
