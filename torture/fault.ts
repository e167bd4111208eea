import type { World } from './world.ts'

/** One fault or race, and the invariants that must hold. */
export interface Fault {
  id: string
  title: string
  /** When it counts as survived. */
  pass: string
  /** What it does not show. */
  note?: string
  /** A name for several, to play them together. */
  group?: string
  /** Too long for the short form. */
  wholeOnly?: true
  play: (world: World, verdict: Verdict, size: Size) => Promise<void>
}

/** How many rounds: those of a full run, or of the short form of every CI run. */
export interface Size {
  short: boolean
  /** The first number, or in the short form the second. */
  pick: (whole: number, short: number) => number
}

export interface Verdict {
  /** Something measured, to be printed. */
  figure: (name: string, value: string | number) => void
  /** An invariant. `name` says what would be broken. */
  must: (holds: boolean, name: string) => void
  /** It cannot be played here, and why. */
  skip: (reason: string) => void
}

export interface Result {
  id: string
  seconds: number
  figures: [string, string][]
  broken: string[]
  skipped: string | undefined
}

/** Plays a fault. An error that it throws is a broken invariant too. */
export async function playFault ({ id, play }: Fault, world: World, size: Size): Promise<Result> {
  const result: Result = { id, seconds: 0, figures: [], broken: [], skipped: undefined }
  const beganAt = performance.now()
  await play(world, {
    figure: (name, value) => { result.figures.push([name, typeof value === 'number' ? round(value) : value]) },
    must (holds, name) { if (!holds) result.broken.push(name) },
    skip (reason) { result.skipped = reason }
  }, size).catch((error: Error) => { result.broken.push(`it ended with ${error.stack ?? error}`) })
  result.seconds = (performance.now() - beganAt) / 1000
  return result
}

const round = (value: number) => String(Math.abs(value) < 10 ? Math.round(value * 10) / 10 : Math.round(value))
