import type { EventEmitter } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { PrismaPg } from '@prisma/adapter-pg'
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'

/**
 * Runs `work` with Prisma's own schema engine, as WebAssembly: the code behind `prisma migrate deploy`, without the
 * binary that the CLI downloads.
 */
export async function withSchemaEngine<Result> (databaseUrl: string, work: (engine: SchemaEngine) => Promise<Result>): Promise<Result> {
  await loadWasm()
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1, Client: CatalogueClient } as pg.PoolConfig)
  const adapter = new CatalogueAdapter(pool, { schema: 'public' })
  const engine = await bindings.SchemaEngine.new({ datamodels: undefined }, () => {}, bindMigrationAwareSqlAdapterFactory(adapter))
  try {
    return await work(engine)
  } finally {
    engine.free()
    await pool.end()
  }
}

/** OID of PostgreSQL's one-byte type `"char"`, which only its own catalogue uses and the adapter does not know. */
const CHAR = 18
const charColumns = new Set<string>()

/** Hands out `"char"` columns as text, and remembers their names. */
class CatalogueClient extends pg.Client {
  constructor (config?: pg.ClientConfig) {
    super(config)
    const { connection } = this as unknown as { connection: EventEmitter }
    connection.on('rowDescription', ({ fields }: { fields: { name: string, dataTypeID: number }[] }) => {
      for (const field of fields.filter(({ dataTypeID }) => dataTypeID === CHAR)) {
        field.dataTypeID = pg.types.builtins.TEXT
        charColumns.add(field.name)
      }
    })
  }

  override query = ((config: { text?: string } | string, ...rest: []) => {
    const text = typeof config === 'string' ? config : config.text
    return super.query(text?.startsWith(ENGINE_LOCK) ? 'SELECT 1' : config as string, ...rest)
  }) as pg.Client['query']
}

/**
 * The engine's lock belongs to a session and is never given back: behind PgBouncer in transaction mode it would stay on one of the
 * pooler's connections, and the next version's migrations would wait for it in vain. `migrate` holds one of its own.
 */
const ENGINE_LOCK = 'SELECT pg_advisory_lock(72707369)'

/** Tells the engine which of the text columns are characters: it insists. */
class CatalogueAdapter extends PrismaPg {
  override async connect () {
    const connection = await super.connect()
    const queryRaw = connection.queryRaw.bind(connection)
    connection.queryRaw = async (query) => {
      const result = await queryRaw(query)
      const columnTypes = result.columnTypes.map((type, index) => charColumns.has(result.columnNames[index] ?? '') ? ColumnTypeEnum.Character : type)
      return { ...result, columnTypes }
    }
    return connection
  }
}

/** Node has it; the type definitions know it as a part of the browser only. */
declare const WebAssembly: {
  instantiate: (code: Uint8Array, imports: object) => Promise<{ instance: { exports: Record<string, unknown> } }>
}

let loaded: Promise<void> | undefined

/** What the package's own entry would do if Node could import a .wasm file. The last call must not be forgotten. */
function loadWasm (): Promise<void> {
  loaded ??= (async () => {
    // Where the engine leaves the message of a panic before it throws.
    Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message (message: string) { throw new Error(message) } } })
    const file = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm')).replace(/\.js$/, '_bg.wasm')
    const { instance } = await WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': bindings })
    bindings.__wbg_set_wasm(instance.exports)
    const start = instance.exports['__wbindgen_start']
    if (typeof start === 'function') start()
  })()
  return loaded
}
