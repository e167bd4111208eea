/**
 * Runs `work` with a signal that aborts after `ms`, or with `outer`. Unlike AbortSignal.timeout and AbortSignal.any it
 * leaves no timer and no listener behind.
 */
export async function withTimeout<Result> (
  ms: number, outer: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<Result>
): Promise<Result> {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = setTimeout(abort, ms)
  outer?.addEventListener('abort', abort, { once: true })
  if (outer?.aborted) abort()
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', abort)
  }
}
