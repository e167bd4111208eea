import type { Test } from 'tap'
import type { BrowserResponse } from '../fakes/browser.ts'
import type { Call } from '../fakes/calls.ts'
import type { Fault } from '../fakes/faults.ts'
import type { Running } from '../helper.ts'

/** In everything that a faulty provider says: no answer of ours may hold it. */
export const CANARY = 'canary-of-the-provider'

/** What every provider plays at every step. */
export const FAULTS: Record<string, Fault> = {
  'status 500': { kind: 'status', status: 500, body: { message: CANARY } },
  'status 400 with an OAuth error': {
    kind: 'status',
    status: 400,
    body: { error: 'invalid_grant', error_description: CANARY }
  },
  'an error with status 200': { kind: 'json', value: { error: 'server_error', error_description: CANARY } },
  'an empty object': { kind: 'json', value: {} },
  'JSON that breaks off': { kind: 'malformed' },
  'a web page': { kind: 'html' },
  'fifty megabytes': { kind: 'huge' },
  'a reset connection': { kind: 'reset' },
  'a redirect': { kind: 'redirect', location: `https://elsewhere.invalid/${CANARY}` }
}

/** Whether a faulty call was made once; a GET may be repeated once after a reset, in case its connection was idle. */
export function calledOnce (calls: Call[], fault: string): boolean {
  const mayRepeat = calls[0]?.method === 'GET' && fault === 'a reset connection'
  return calls.length === 1 || (mayRepeat && calls.length === 2)
}

/** How many users, accounts and sessions there are. */
export async function rows (sql: Running['sql']): Promise<number[]> {
  const tables = ['users', 'accounts', 'sessions']
  return await Promise.all(
    tables.map(async (table) => Number((await sql.query(`SELECT count(*) FROM ${table}`)).rows[0].count))
  )
}

/**
 * A failed login: the status and code of the contract, and a detail that names the provider and holds nothing of what
 * it sent.
 */
export function refused (t: Test, response: BrowserResponse, status: number, code: string, detail: RegExp): void {
  const problem = response.json()
  t.same([response.status, problem.code], [status, code], problem.detail)
  t.match(problem.detail, detail)
  t.match(response.headers.get('content-type'), /^application\/problem\+json/)
  t.notMatch(response.text, new RegExp(`${CANARY}|AADSTS`))
}
