/** A position in a list whose newest item comes first; ids order the items of one millisecond. */
export interface Position { time: Date, id: string }

/** The order of every list, for `orderBy`. `idField` is the field of the id where that is not `id`. */
export function newestFirst<IdField extends string = 'id'> (idField = 'id' as IdField) {
  return [{ createdAt: 'desc' as const }, { [idField]: 'desc' } as Record<IdField, 'desc'>]
}

/**
 * What comes after a position in that order, for `where`. `lte` is where PostgreSQL begins to read an index of
 * (createdAt, id); the rest only leaves out items of that millisecond.
 */
export function olderThan<IdField extends string = 'id'> ({ time, id }: Position, idField = 'id' as IdField) {
  const hasLowerId = { [idField]: { lt: id } } as Record<IdField, { lt: string }>
  return { createdAt: { lte: time }, OR: [{ createdAt: { lt: time } }, hasLowerId] }
}
