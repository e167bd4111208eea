/** The rows of a CSV file (RFC 4180) as objects, named by the first row. */
export async function * readCsv (chunks: AsyncIterable<string>): AsyncGenerator<Record<string, string>> {
  let names: string[] | undefined
  for await (const row of readRows(chunks)) {
    if (!names) names = row.map((name) => name.trim())
    else if (row.length === names.length) yield Object.fromEntries(names.map((name, index) => [name, row[index] ?? '']))
    else if (row.length > 1) throw new Error(`A row of the file has ${row.length} fields instead of ${names.length}.`)
  }
}

async function * readRows (chunks: AsyncIterable<string>): AsyncGenerator<string[]> {
  let row: string[] = []
  let field = ''
  let isQuoted = false
  /** A quote within quotes ends them, unless another one follows. */
  let mayEnd = false
  for await (const chunk of chunks) {
    for (const character of chunk) {
      if (isQuoted && !mayEnd) {
        if (character === '"') mayEnd = true
        else field += character
      } else if (mayEnd && character === '"') {
        field += character
        mayEnd = false
      } else if (character === '"') {
        isQuoted = true
      } else if (character === ',' || character === '\n') {
        row.push(field)
        field = ''
        isQuoted = mayEnd = false
        if (character === '\n') {
          yield row
          row = []
        }
      } else if (character !== '\r') {
        field += character
      }
    }
  }
  if (isQuoted && !mayEnd) throw new Error('The file ends within quotes: the export was cut off.')
  if (field !== '' || row.length > 0) yield [...row, field]
}
