import { Type, type TSchema } from 'typebox'
import type { Position } from '../database/newest-first.ts'
import { NullableText } from './nullable.ts'
import { Problem } from './errors.ts'

/** `?limit=` and `?cursor=` of every list; spread into a closed querystring schema beside a list's own filters. */
export const listQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'How many items at most.' }),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: '`nextCursor` of the page before.' }))
}

export interface Page<Item> { items: Item[], nextCursor: string | null }

export const pageSchema = <Item extends TSchema>(item: Item) => Type.Object({
  items: Type.Array(item),
  nextCursor: NullableText({ description: 'Where the next page begins; null on the last.' })
})

export type { Position }

/** Before everything that can be in a list. */
const START: Position = { time: new Date('9000-01-01'), id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }

/** The place that a request's cursor names, the start without one. Throws `validation_failed` for what no list has given out. */
export function readCursor (cursor: string | undefined): Position {
  if (cursor === undefined) return START
  const [, time, id] = /^(\d{1,14}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (id === undefined) throw new Problem('validation_failed', 'The cursor is not one that a list has given out.')
  return { time: new Date(Number(time)), id }
}

/** A page of `rows`, of which one more than `limit` was read: it only says whether there is a next page. */
export function toPage<Row, Item> (rows: Row[], limit: number, positionOf: (row: Row) => Position, toItem: (row: Row) => Item): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(toItem), nextCursor: rows.length > limit && last ? writeCursor(positionOf(last)) : null }
}

/** A page of a short list that is all here: the oldest first. */
export function pageOfAll<Item> (
  all: Item[], { limit, cursor }: { limit: number, cursor?: string | undefined }, positionOf: (item: Item) => Position
): Page<Item> {
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const rest = all.filter((item) => !after || isLower(after, positionOf(item)))
  rest.sort((one, other) => isLower(positionOf(one), positionOf(other)) ? -1 : 1)
  return toPage(rest, limit, positionOf, (item) => item)
}

export function isLower (one: Position, other: Position): boolean {
  return one.time < other.time || (one.time.getTime() === other.time.getTime() && one.id < other.id)
}

function writeCursor ({ time, id }: Position): string {
  return Buffer.from(`${time.getTime()} ${id}`).toString('base64url')
}
