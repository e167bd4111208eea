export interface Instruction {
  name: string
  arguments: string
}
export interface Stage {
  name: string
  base: string
  instructions: Instruction[]
}

/**
 * The stages of a Dockerfile, in order. Understands what ours uses: comments, continued lines, `FROM image AS name`.
 */
export function readStages (dockerfile: string): Stage[] {
  const stages: Stage[] = []
  const lines = dockerfile
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
  for (const line of lines.filter((line) => line.trim() !== '')) {
    const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? []
    if (name === 'FROM') {
      const [, base, stage] = /^(\S+) AS (\S+)$/.exec(rest) ?? []
      if (base === undefined || stage === undefined) throw new Error(`A stage without a name: ${line}`)
      stages.push({ name: stage, base, instructions: [] })
    } else {
      const stage = stages.at(-1)
      if (stage === undefined) throw new Error(`Before the first stage: ${line}`)
      stage.instructions.push({ name, arguments: rest })
    }
  }
  return stages
}

/** What the stage's instructions of that name say. */
export function all (stage: Stage, name: string): string[] {
  return stage.instructions
    .filter((instruction) => instruction.name === name)
    .map((instruction) => instruction.arguments)
}

/** `COPY --from=stage source... target`; `from` is undefined for what comes from the build context. */
export function copies (stage: Stage): { from: string | undefined, sources: string[] }[] {
  return all(stage, 'COPY').map((text) => {
    const words = text.split(/\s+/)
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length)
    return { from, sources: words.filter((word) => !word.startsWith('--')).slice(0, -1) }
  })
}

/** The command of an instruction in exec form, or of HEALTHCHECK; throws when a shell would run it. */
export function execForm (text: string): string[] {
  return JSON.parse(text.replace(/^(--\S+\s+)*CMD\s+/, ''))
}
