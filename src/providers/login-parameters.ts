import { readParameter, type Parameters } from '../http/parameters.ts'

/** The values of `prompt` that a provider may be asked for. `none` is not one: no sign-in takes place without it. */
export const PROMPTS = ['login', 'select_account', 'consent'] as const

export type Prompt = typeof PROMPTS[number]

/** What a request for a sign-in may hand on to the provider (OpenID Connect Core section 3.1.2.1). */
export interface LoginParameters {
  /** In the order of PROMPTS. */
  prompt: Prompt[]
  /** In seconds: how long ago the person may have signed in at the provider. */
  maxAge: number | undefined
  loginHint: string | undefined
  uiLocales: string | undefined
  acrValues: string | undefined
}

export const NO_LOGIN_PARAMETERS: LoginParameters = {
  prompt: [], maxAge: undefined, loginHint: undefined, uiLocales: undefined, acrValues: undefined
}

/** The names of these parameters in a request. */
export const LOGIN_PARAMETERS = ['prompt', 'login_hint', 'max_age', 'ui_locales', 'acr_values'] as const

/** 68 years. A larger number means the same. */
const MAX_AGE_SECONDS = 2 ** 31 - 1

/** Reads them from a request. Throws what `toError` makes, for one that is not valid or is sent twice. */
export function readLoginParameters (
  parameters: Parameters, toError: (description: string) => Error
): LoginParameters {
  const read = (name: typeof LOGIN_PARAMETERS[number], maxLength: number, isText = false) =>
    readParameter(parameters, name, { maxLength, isText, toError })
  const prompts = read('prompt', 64)?.split(' ') ?? []
  if (!prompts.every((one) => PROMPTS.some((prompt) => prompt === one))) {
    throw toError(`prompt must be one or several of ${PROMPTS.join(', ')}, separated by spaces.`)
  }
  const maxAge = read('max_age', 16)
  if (maxAge !== undefined && !/^\d+$/.test(maxAge)) throw toError('max_age must be a number of seconds.')
  return {
    prompt: PROMPTS.filter((prompt) => prompts.includes(prompt)),
    maxAge: maxAge === undefined ? undefined : Math.min(Number(maxAge), MAX_AGE_SECONDS),
    loginHint: read('login_hint', 500, true),
    uiLocales: read('ui_locales', 200),
    acrValues: read('acr_values', 500)
  }
}

/** Their schemas, for a route that takes them. */
export function describeLoginParameters<Schema> (
  describe: (description: string) => Schema
): Record<typeof LOGIN_PARAMETERS[number], Schema> {
  return {
    prompt: describe('`login`, `select_account`, `consent`, or several of them. Handed on to the provider.'),
    login_hint: describe('Who is expected to sign in. Handed on to the provider.'),
    max_age: describe('How many seconds ago the person may have signed in at the provider. Handed on to it.'),
    ui_locales: describe('The languages of its pages. Handed on to the provider.'),
    acr_values: describe('Ways to authenticate. Handed on to the provider.')
  }
}

/** The parameters of a provider's authorization request; what is undefined or empty is left out. */
export type AuthorizationParameters = Record<string, string | undefined>

/** The parameters by which a provider can be asked for this. What it cannot do is left out. */
export type ToAuthorizationParameters = (asked: LoginParameters) => AuthorizationParameters

/** For a provider that follows OpenID Connect Core section 3.1.2.1. */
export function toOidcParameters ({
  prompt, maxAge, loginHint, uiLocales, acrValues
}: LoginParameters): AuthorizationParameters {
  return {
    prompt: prompt.join(' '),
    login_hint: loginHint,
    max_age: maxAge?.toString(),
    ui_locales: uiLocales,
    acr_values: acrValues
  }
}

/**
 * Whether the request demands a new sign-in. For a provider that knows no `max_age`, which then gets the closest
 * parameter that it has, whatever the age.
 */
export function asksNewSignIn ({ prompt, maxAge }: LoginParameters): boolean {
  return prompt.includes('login') || maxAge !== undefined
}
