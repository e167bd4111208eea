/** Reads `GET /metrics`. */
export function sampler (url: string) {
  async function scrape (): Promise<string> {
    const response = await fetch(`${url}/metrics`)
    if (response.status !== 200) throw new Error(`/metrics was answered with ${response.status}`)
    return await response.text()
  }

  return {
    scrape,

    /** Every value of one metric by its labels as they are written; by '' where it has none. */
    async samples (name: string): Promise<Record<string, number>> {
      const lines = [...(await scrape()).matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))]
      return Object.fromEntries(lines.map(([, labels = '', value]) => [labels, Number(value)]))
    }
  }
}
