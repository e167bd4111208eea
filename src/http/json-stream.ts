/**
 * The text of `JSON.stringify({ ...head, ...lists }, null, 2)`, piece by piece. Of each list one page at a time is in
 * memory: the next one is read when the reader of the text asks for more. `head` is not empty.
 */
export async function * streamJson (
  head: object, lists: Record<string, AsyncIterable<object[]>>
): AsyncGenerator<string> {
  yield JSON.stringify(head, null, 2).slice(0, -'\n}'.length)
  for (const [name, pages] of Object.entries(lists)) {
    yield `,\n  ${JSON.stringify(name)}: [`
    let isEmpty = true
    for await (const page of pages) {
      if (page.length === 0) continue
      yield (isEmpty ? '' : ',') + page.map(indentItem).join()
      isEmpty = false
    }
    yield isEmpty ? ']' : '\n  ]'
  }
  yield '\n}'
}

function indentItem (item: object): string {
  return `\n    ${JSON.stringify(item, null, 2).replaceAll('\n', '\n    ')}`
}
