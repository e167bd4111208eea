import t from 'tap'
import { NEXT_PREVIOUS_USE, SHOW_USE_AFTER_SECONDS, shownUse } from '../../src/database/session-use.ts'
import { openDatabase } from '../open-database.ts'
import { readSettings } from '../../src/settings.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const at = (seconds: number) => new Date(START + seconds * 1000)

t.test('uses are shown two minutes later, and never by the next use', async (t) => {
  const { pool } = await openDatabase(t)
  /** What a use writes, by the statement's own SQL with another time for now. */
  async function use (lastUsedAt: Date, previouslyUsedAt: Date | null, now: Date) {
    const text = `SELECT ${NEXT_PREVIOUS_USE.replaceAll('now()', '$3::timestamptz')} AS previous
      FROM (SELECT $1::timestamptz AS last_used_at, $2::timestamptz AS previously_used_at) s`
    const { rows: [row] } = await pool.query<{ previous: Date | null }>(text, [lastUsedAt, previouslyUsedAt, now])
    return { lastUsedAt: now, previouslyUsedAt: row?.previous ?? null }
  }
  let session: { lastUsedAt: Date, previouslyUsedAt: Date | null } = { lastUsedAt: at(0), previouslyUsedAt: null }
  const shown = (seconds: number) =>
    shownUse({ ...session, createdAt: at(0), expiresAt: at(9_000), personalToken: null }, 6_000, at(seconds)).lastUsedAt
  const uses = [600, 630, 719, 1_000, 1_119, 1_240, 5_000]
  for (const [index, seconds] of uses.entries()) {
    const before = shown(seconds)
    session = await use(session.lastUsedAt, session.previouslyUsedAt, at(seconds))
    t.same(shown(seconds), before, `the use at ${seconds} s changes nothing that is shown`)
    const quietUntil = uses[index + 1] ?? Infinity
    t.same(shown(seconds + 119), before)
    if (quietUntil >= seconds + 120) t.same(shown(seconds + 120), at(seconds), `it is shown at ${seconds + 120} s`)
  }
})

t.test('the end is that of the use that is shown, and never after the last day', async (t) => {
  const session = {
    createdAt: at(0), lastUsedAt: at(1_000), previouslyUsedAt: at(500), expiresAt: at(7_000), personalToken: null
  }
  t.same(shownUse(session, 6_000, at(1_001)), { lastUsedAt: at(500), idleExpiresAt: at(6_500) })
  t.same(shownUse(session, 6_000, at(1_120)), { lastUsedAt: at(1_000), idleExpiresAt: at(7_000) })
  t.same(shownUse({ ...session, previouslyUsedAt: null }, 9_000, at(1_001)),
    { lastUsedAt: at(0), idleExpiresAt: at(7_000) })
  t.same(shownUse({ ...session, personalToken: 'a script' }, 1, at(1_001)),
    { lastUsedAt: at(500), idleExpiresAt: at(7_000) }, 'a personal token does not end when it is not used')
})

t.test('no reuse window is as long', async (t) => {
  t.throws(() => readSettings({ REFRESH_REUSE_GRACE: String(SHOW_USE_AFTER_SECONDS / 2 + 1) }))
})
