/** The grants of the token endpoint, by the names of their RFCs: 6749, 8628 and 8693. */
export const AUTHORIZATION_CODE = 'authorization_code'
export const REFRESH_TOKEN = 'refresh_token'
export const CLIENT_CREDENTIALS = 'client_credentials'
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

export const GRANT_TYPES = [AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, DEVICE_CODE, TOKEN_EXCHANGE]

export type GrantType = typeof GRANT_TYPES[number]
