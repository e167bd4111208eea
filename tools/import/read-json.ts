/** More than any user has; a record that never ends must not fill the memory. */
const MAX_RECORD_CHARACTERS = 1024 * 1024

/** An export that wraps its records in an object, as Firebase's does. */
const WRAPPED = /^\s*\{\s*"(users|data)"\s*:\s*\[/
const UNDECIDED = /^\s*\{\s*("[a-z]*("\s*(:\s*)?)?)?$/

/**
 * The records of an export, parsed one by one, so that a file of any size is read in little memory: lines of JSON, an
 * array, or an array in an object (`users` or `data`). Throws for a file that ends within a record or list.
 */
export async function * readJson (chunks: AsyncIterable<string>): AsyncGenerator<unknown> {
  const scanner = createScanner()
  for await (const chunk of chunks) {
    for (const record of scanner.scan(chunk)) yield JSON.parse(record) as unknown
  }
  if (!scanner.isComplete()) throw new Error('The file ends within a record: the export was cut off.')
}

function createScanner () {
  let text = ''
  let at = 0
  let depth = 0
  let start = -1
  let isInString = false
  /** How many brackets are around a record; known once the file has begun. */
  let around: number | undefined

  function * scan (chunk: string): Generator<string> {
    text += chunk
    around ??= bracketsAround(text)
    if (around === undefined) return
    for (; at < text.length; at++) {
      const character = text[at]
      if (isInString) {
        if (character === '\\') at++
        else if (character === '"') isInString = false
      } else if (character === '"') {
        isInString = true
      } else if (character === '{' || character === '[') {
        if (depth === around) start = at
        depth++
      } else if (character === '}' || character === ']') {
        depth--
        if (depth === around && start >= 0) {
          yield text.slice(start, at + 1)
          start = -1
        }
      }
    }
    const kept = start >= 0 ? start : text.length
    if (text.length - kept > MAX_RECORD_CHARACTERS) throw new Error('A record of the file is too large to be a user.')
    // An escape may have its second character in the next chunk: `at` is then beyond the text.
    text = text.slice(kept)
    at -= kept
    if (start >= 0) start = 0
  }

  return { scan, isComplete: () => depth === 0 && !isInString }
}

function bracketsAround (beginning: string): number | undefined {
  const opening = beginning.trimStart()[0]
  if (opening === undefined) return undefined
  if (opening === '[') return 1
  if (opening !== '{') throw new Error('The file is not JSON: it begins with neither { nor [.')
  if (WRAPPED.test(beginning)) return 2
  return UNDECIDED.test(beginning) ? undefined : 0
}
