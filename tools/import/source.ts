import type { Person } from './person.ts'

/** A system that people come from. Each has a file in sources/. */
export interface Source {
  /** What `--from` calls it. */
  id: string
  name: string
  /** What `--file` has. */
  format: 'json' | 'csv' | 'json or csv'
  /**
   * The query that reads people from the source's own PostgreSQL: one column `person`, JSON, a row each. The file has
   * its rows as lines. Absent for a source without a database of one's own.
   */
  query?: (tables: (candidates: string[]) => Promise<string>) => Promise<string>
  /** The people of the records, in their order. */
  people: (records: AsyncIterable<unknown>) => AsyncIterable<Person>
}

/** The people of records that have one person each. */
export function each (toPerson: (record: unknown) => Person): Source['people'] {
  return async function * (records) {
    for await (const record of records) yield toPerson(record)
  }
}
