const WIDTH = 120

/** Breaks a paragraph or a list item into lines of at most 120 characters; a word that is longer stays whole. */
export function wrapMarkdown (text: string): string {
  const indent = /^( *- )/.exec(text)?.[1]?.replace('-', ' ') ?? ''
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.trim() !== '-' && `${line} ${word}`.length > WIDTH) {
      lines.push(line)
      line = indent + word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line].join('\n')
}
