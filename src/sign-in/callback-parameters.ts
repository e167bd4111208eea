import { Problem } from '../http/errors.ts'

/** What the provider sent the browser back with; every member once, as text. */
export interface CallbackParameters {
  state: string
  code: string | undefined
  iss: string | undefined
  error: string | undefined
  /** Apple's, beside the first code; may hold any text. */
  user: string | undefined
}

/** The state of a callback; undefined for one that could not be ours. */
export const readState = (parameters: unknown) => readParameter(parameters, 'state', 256)

/** The rest of a callback. Throws a Problem for a parameter that is there but cannot be read. */
export function readCallbackParameters (state: string, parameters: unknown): CallbackParameters {
  const read = (name: string, maximum: number) => {
    const value = readParameter(parameters, name, maximum)
    if (value === undefined && isPresent(parameters, name)) {
      throw new Problem('invalid_request', `${name} must be there once, as text of at most ${maximum} characters.`)
    }
    return value
  }
  const code = read('code', 4096)
  const iss = read('iss', 1024)
  // Facebook sends some errors as `error_code` alone.
  const errorCode = code === undefined ? readParameter(parameters, 'error_code', 64) : undefined
  const error = read('error', 256) ?? errorCode
  const user = isPresent(parameters, 'user') ? parameters['user'] : undefined
  return { state, code, iss, error, user: typeof user === 'string' && user.length <= 4096 ? user : undefined }
}

/** Returns a parameter that is there once, as printable text; undefined for anything else (SEC-5, SEC-12). */
function readParameter (parameters: unknown, name: string, maximum: number): string | undefined {
  const value = isPresent(parameters, name) ? parameters[name] : undefined
  if (typeof value !== 'string' || value.length > maximum) return undefined
  return /^[\x20-\x7e]+$/.test(value) ? value : undefined
}

function isPresent (parameters: unknown, name: string): parameters is Record<string, unknown> {
  return typeof parameters === 'object' && parameters !== null && Object.hasOwn(parameters, name)
}
