/** One thing that was looked at. An `error` means that a login would fail. */
export interface Finding {
  check: string
  status: 'ok' | 'warning' | 'error'
  message: string
  /** What to do about it. */
  advice?: string
}

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message })
export const warning = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'warning',
  message,
  advice
})
export const error = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'error',
  message,
  advice
})
