import { Type, type TSchema } from 'typebox'
import type { Position } from '../database/newest-first.ts'
import { NullableText } from './nullable.ts'
import { Problem } from './errors.ts'

/** `?limit=` and `?cursor=` of every list, to be spread into a closed querystring schema. */
export const listQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'Maximum number of items.' }),
  cursor: Type.Optional(Type.String({
    minLength: 1, maxLength: 200, description: '`nextCursor` of the previous page.'
  }))
}

export interface Page<Item> { items: Item[], nextCursor: string | null }

export const pageSchema = <Item extends TSchema>(item: Item) => Type.Object({
  items: Type.Array(item),
  nextCursor: NullableText({ description: '`cursor` of the next page; null on the last page.' })
})

export type { Position }

/** Before every possible item. */
export const START: Position = { time: new Date('9000-01-01'), id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }

/** `<milliseconds> <UUID>`, before base64url. */
const CURSOR = /^(\d{1,14}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/**
 * The position that a cursor stands for, or the start without one. Throws `validation_failed` for a malformed cursor.
 */
export function readCursor (cursor: string | undefined): Position {
  if (cursor === undefined) return START
  const [, time, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (id === undefined) throw new Problem('validation_failed', 'The cursor must be the nextCursor of a page.')
  return { time: new Date(Number(time)), id }
}

/** A page of `rows`. Read one row more than `limit`: it shows whether there is a next page. */
export function toPage<Row, Item> (
  rows: Row[], limit: number, positionOf: (row: Row) => Position, toItem: (row: Row) => Item
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(toItem), nextCursor: rows.length > limit && last ? writeCursor(positionOf(last)) : null }
}

/** A page of a list that is in memory, the oldest first. */
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
