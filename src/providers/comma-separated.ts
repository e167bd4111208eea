/** Comma-separated; empty entries do not count. */
export function list (text: string | undefined): string[] {
  return (text ?? '').split(',').map((entry) => entry.trim()).filter(Boolean)
}

/** The mistakes of a provider's own setting that is a list: one for each entry that is none. */
export function listMistakes (
  name: string, text: string | undefined, isEntry: (entry: string) => boolean, rule: string
): string[] {
  const entries = list(text)
  if (text !== undefined && text.trim() !== '' && entries.length === 0) return [`${name} has no entry; each ${rule}`]
  return entries.filter((entry) => !isEntry(entry)).map((entry) => `${name}: "${entry}" ${rule}`)
}
