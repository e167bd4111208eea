/** The parameters of a request, not validated. */
export type Parameters = Record<string, unknown>

const PRINTABLE_ASCII = { pattern: /^[\x20-\x7e]+$/, name: 'printable ASCII' }
const PRINTABLE_TEXT = { pattern: /^\P{C}+$/u, name: 'printable text' }

export interface ParameterRules {
  maxLength: number
  /** Whether it may have other characters than printable ASCII. */
  isText?: boolean
  /** Makes the error to throw where a rule is broken. */
  toError: (description: string) => Error
}

/** A parameter that is sent once, and is printable. An empty one counts as absent (RFC 6749 section 3.1). */
export function readParameter (
  parameters: Parameters, name: string, { maxLength, isText = false, toError }: ParameterRules
): string | undefined {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  if (value === undefined || value === '') return undefined
  const characters = isText ? PRINTABLE_TEXT : PRINTABLE_ASCII
  if (typeof value !== 'string' || value.length > maxLength || !characters.pattern.test(value)) {
    throw toError(`${name} must be sent once, as ${characters.name} of at most ${maxLength} characters.`)
  }
  return value
}
