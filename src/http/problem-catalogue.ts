/**
 * Every error code of the API with its HTTP status, its title and what to do about it. `GET /problems/<code>` serves
 * this table. Codes are stable; clients may rely on them.
 */
export const PROBLEMS = {
  validation_failed: {
    status: 400,
    title: 'The request is not valid',
    advice: 'Look at `errors`: each entry names a part of the request and the rule that it breaks.'
  },
  invalid_request: {
    status: 400,
    title: 'The request lacks a parameter or has contradictory ones',
    advice: 'Read `detail`: it names the parameter.'
  },
  invalid_return_to: {
    status: 400,
    title: 'This return_to is not allowed',
    advice: 'Add its origin to ALLOWED_ORIGINS, or use an allowed one. Scheme, host and port must match exactly.'
  },
  invalid_state: {
    status: 400,
    title: 'This sign-in cannot be continued',
    advice: 'The state is missing, altered, used, older than ten minutes or from another browser. Start at /login.'
  },
  invalid_event: {
    status: 400,
    title: 'This event of an identity provider is not valid',
    advice: 'Read `detail`. Check the client id and secret of the provider, and which app sends to this URL.'
  },
  invalid_grant: {
    status: 400,
    title: 'This code cannot be used',
    advice: 'A code works once, for one minute, and only for the client that requested it. Start again.'
  },
  unauthorized: {
    status: 401,
    title: 'The access token is missing',
    advice: 'Send `Authorization: Bearer <access_token>`. Sign in at /login to get one.'
  },
  invalid_token: {
    status: 401,
    title: 'The access token is not valid',
    advice: 'It was altered, is from another issuer, or its session has ended. Refresh it, or sign in again.'
  },
  token_expired: {
    status: 401,
    title: 'The access token has expired',
    advice: 'Exchange the refresh token for a new one at POST /oauth2/token.'
  },
  invalid_client: {
    status: 401,
    title: 'Client authentication failed',
    advice: 'Send the id and secret of a confidential client by HTTP Basic, form-encoded (RFC 6749 section 2.3.1).'
  },
  access_denied: {
    status: 403,
    title: 'The sign-in was declined',
    advice: 'The user declined at the identity provider. Let the user try again, or offer another provider.'
  },
  account_disabled: {
    status: 403,
    title: 'This account is disabled',
    advice: 'An administrator disabled it, and only an administrator can enable it.'
  },
  sign_up_closed: {
    status: 403,
    title: 'New accounts are not created here',
    advice: 'The operator has closed sign-ups. Sign in with the provider that was used before.'
  },
  email_not_allowed: {
    status: 403,
    title: 'This email address may not sign in here',
    advice: 'Sign in with an account whose verified email address is in one of the domains that the operator allows.'
  },
  forbidden: {
    status: 403,
    title: 'The user is not allowed to do this',
    advice: 'The route requires a role that this user does not have.'
  },
  insufficient_scope: {
    status: 403,
    title: 'The access token lacks a scope',
    advice: 'Request the scope that `WWW-Authenticate` names at /oauth2/authorize. Direct and cookie mode have it.'
  },
  reauthentication_required: {
    status: 403,
    title: 'A recent sign-in is required',
    advice: 'Sign in again with max_age=600, at /oauth2/authorize or /login, and repeat the request within ten minutes.'
  },
  not_found: {
    status: 404,
    title: 'Not found',
    advice: 'Check the path, the method and the id. GET /openapi.json lists every route.'
  },
  unknown_provider: {
    status: 404,
    title: 'This identity provider is not enabled',
    advice: 'GET /login lists the enabled providers. A client id and secret in the settings enable one.'
  },
  not_acceptable: {
    status: 406,
    title: 'This is a page for people',
    advice: 'Open it in a browser. Programs use the routes below /me and /admin, with an access token.'
  },
  too_many_tokens: {
    status: 409,
    title: 'There are too many personal tokens',
    advice: 'Take one back: GET /me/tokens lists them, DELETE /me/tokens/<id> ends one.'
  },
  account_taken: {
    status: 409,
    title: 'This account belongs to another user',
    advice: 'Sign in as that user and unlink the account there first.'
  },
  last_account: {
    status: 409,
    title: 'This is the only account of the user',
    advice: 'Link another account first, or delete the user.'
  },
  last_admin: {
    status: 409,
    title: 'This is the only administrator',
    advice: 'Give the role to another user first.'
  },
  client_from_settings: {
    status: 409,
    title: 'This client is defined in the settings',
    advice: 'Change or remove it in the CLIENTS setting, and restart.'
  },
  reauthorization_required: {
    status: 409,
    title: 'The identity provider requires a new sign-in',
    advice: 'Send the user through the sign-in at this provider again.'
  },
  precondition_failed: {
    status: 412,
    title: 'The resource has changed since it was read',
    advice: 'Read it again, and repeat the change with the new ETag.'
  },
  payload_too_large: {
    status: 413,
    title: 'The request body is too large',
    advice: 'A body has at most 64 KiB, and preferences have at most 16 KiB.'
  },
  unsupported_media_type: {
    status: 415,
    title: 'This content type is not supported',
    advice: 'Send application/json, or application/x-www-form-urlencoded where the route accepts forms.'
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    advice: 'Wait for the number of seconds in Retry-After.'
  },
  request_header_fields_too_large: {
    status: 431,
    title: 'The request headers are too large',
    advice: 'Clear the cookies of this site.'
  },
  internal_error: {
    status: 500,
    title: 'Internal server error',
    advice: 'Give the operator the `requestId`: the log has the details.'
  },
  provider_error: {
    status: 502,
    title: 'The identity provider returned an error',
    advice: 'Read `detail`: it names the provider and the step. If another try fails too, check the credentials and ' +
      'the callback URL.'
  },
  invalid_id_token: {
    status: 502,
    title: 'The ID token of the identity provider is not valid',
    advice: 'Check the issuer, the client id and the clock of the server.'
  },
  service_unavailable: {
    status: 503,
    title: 'The service is not available',
    advice: 'Wait for the number of seconds in Retry-After, and try again.'
  },
  provider_timeout: {
    status: 504,
    title: 'The identity provider did not respond in time',
    advice: 'Try again, or sign in with another provider.'
  }
} as const satisfies Record<string, { status: number, title: string, advice: string }>

export type ProblemCode = keyof typeof PROBLEMS
