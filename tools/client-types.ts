/** `npm run client-types -- [url] [file]`: writes the types of a running Signet's API into a file. */
import { writeFile } from 'node:fs/promises'
import { generateClientTypes } from './client-types/generate.ts'

const USAGE = `Usage: npm run client-types -- [url of Signet] [file]

Writes TypeScript types from /openapi.json, for a client such as openapi-fetch (examples/typed-client). By default from
http://localhost:3000 into examples/typed-client/signet.ts.`

const TIMEOUT_MS = 10_000
const MAX_BYTES = 10 * 1024 * 1024

async function readDocument (url: string): Promise<object> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/openapi.json`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  if (!response.ok) throw new Error(`${response.url}: HTTP ${response.status}`)
  let size = 0
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error(`${response.url}: more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as object
}

async function main ([url = 'http://localhost:3000', file = 'examples/typed-client/signet.ts']: string[]) {
  if (url.startsWith('-')) return console.log(USAGE)
  await writeFile(file, await generateClientTypes(await readDocument(url)))
  console.log(`${file} has the types of ${url}.`)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { message, cause } = error as Error
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message)
  process.exit(1)
})
