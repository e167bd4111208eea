import { readFile, readdir } from 'node:fs/promises'

/** A process and all its descendants (gunicorn has workers), from proc(5). Linux only, as all in this file. */
export async function processTree (pid: number): Promise<number[]> {
  const threads = await threadsOf(pid)
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')))
  const children = lists.join(' ').trim().split(/\s+/).filter(Boolean)
  const descendants = await Promise.all(children.map((child) => processTree(Number(child))))
  return [pid, ...descendants.flat()]
}

/**
 * Milliseconds of CPU time, user and system, of all living threads of a process and its descendants. `schedstat` counts
 * nanoseconds, where `stat` counts hundredths of a second. A thread that has ended is missing; the servers keep theirs.
 */
export async function cpuMs (pid: number): Promise<number> {
  const perProcess = await Promise.all((await processTree(pid)).map(async (each) => {
    const threads = await threadsOf(each)
    return await Promise.all(threads.map((thread) => readFile(`/proc/${each}/task/${thread}/schedstat`, 'utf8')))
  }))
  return perProcess.flat().reduce((sum, line) => sum + Number(line.split(' ')[0]), 0) / 1e6
}

/** In bytes. */
export interface Memory {
  /** Resident memory (RSS). */
  resident: number
  /** Of it, what is the process's alone and its part of what it shares (PSS): all share Node's own program. */
  proportional: number
}

export async function memoryOf (pid: number): Promise<Memory> {
  const processes = await processTree(pid)
  const rollups = await Promise.all(processes.map((each) => readFile(`/proc/${each}/smaps_rollup`, 'utf8')))
  const sum = (name: string) => rollups.reduce((total, rollup) => total + bytesOf(rollup, name), 0)
  return { resident: sum('Rss'), proportional: sum('Pss') }
}

function bytesOf (rollup: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1024
}

const threadsOf = async (pid: number) => await readdir(`/proc/${pid}/task`)
