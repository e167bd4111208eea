import type pg from 'pg'

export interface DatabaseClock {
  now: () => Date
  /** `now`, moved by this many seconds; a negative number goes back. */
  inSeconds: (seconds: number) => Date
  /** Reads the database's time again. Between two readings a monotonic clock counts on from the last one. */
  synchronize: () => Promise<void>
}

/** The clock that all instances share. Until it is first synchronized it shows the time of this process. */
export function createDatabaseClock (pool: Pick<pg.Pool, 'query'>): DatabaseClock {
  let offsetMs = performance.timeOrigin
  const nowMs = () => offsetMs + performance.now()

  return {
    now: () => new Date(nowMs()),
    inSeconds: (seconds) => new Date(nowMs() + seconds * 1000),

    async synchronize () {
      const askedAt = performance.now()
      const { rows: [row] } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now')
      // The database answered at some moment in between: half the round trip is the best guess.
      if (row) offsetMs = row.now.getTime() - (askedAt + performance.now()) / 2
    }
  }
}
