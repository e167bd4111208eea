export interface Random {
  /** A whole number from 0 up to, and without, `limit`. */
  below: (limit: number) => number
  of: <Item>(items: ArrayLike<Item>) => Item
  /** One character of `items` that is not `item`. */
  other: (items: string, item: string) => string
}

/** The same numbers for the same seed: mulberry32, which is quick, and good enough to choose by. */
export function createRandom (seed: number): Random {
  let state = seed
  function below (limit: number): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit)
  }
  const of = <Item>(items: ArrayLike<Item>): Item => items[below(items.length)] as Item
  return {
    below,
    of,
    other (items, item) {
      for (;;) {
        const chosen = of(items)
        if (chosen !== item) return chosen
      }
    }
  }
}
