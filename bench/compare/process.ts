import { readFile, readdir } from 'node:fs/promises'

/** What proc(5) says about a process and all that it has started (gunicorn has workers). Linux only. */
export async function processTree (pid: number): Promise<number[]> {
  const children = await Promise.all((await threads(pid)).map(async (thread) => await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')))
  const below = await Promise.all(children.join(' ').trim().split(/\s+/).filter(Boolean).map((child) => processTree(Number(child))))
  return [pid, ...below.flat()]
}

/**
 * Milliseconds of CPU, user's and system's, of all threads that are there: `schedstat` counts nanoseconds, where `stat`
 * has hundredths of a second. A thread that has ended is not in it; the servers keep theirs.
 */
export async function cpuMs (pid: number): Promise<number> {
  const perThread = await Promise.all((await processTree(pid)).map(async (each) => await Promise.all(
    (await threads(each)).map(async (thread) => Number((await readFile(`/proc/${each}/task/${thread}/schedstat`, 'utf8')).split(' ')[0])))))
  return perThread.flat().reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6
}

export interface Memory {
  /** Bytes of resident memory (RSS). */
  resident: number
  /** Bytes of it that are the process's alone or its part of what it shares (PSS): Node's own program is shared by all. */
  proportional: number
}

export async function memoryOf (pid: number): Promise<Memory> {
  const rollups = await Promise.all((await processTree(pid)).map(async (each) => await readFile(`/proc/${each}/smaps_rollup`, 'utf8')))
  const sum = (name: string) => rollups.reduce((total, rollup) => total + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1024, 0)
  return { resident: sum('Rss'), proportional: sum('Pss') }
}

const threads = async (pid: number) => await readdir(`/proc/${pid}/task`)
