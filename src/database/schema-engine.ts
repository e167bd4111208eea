import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { Client } from './client.ts'
import { PrismaPg } from '@prisma/adapter-pg'
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'

/**
 * Runs `work` with Prisma's schema engine as WebAssembly: the code behind `prisma migrate deploy`, without the binary
 * that the CLI downloads.
 */
export async function withSchemaEngine<Result> (
  databaseUrl: string, work: (engine: SchemaEngine) => Promise<Result>
): Promise<Result> {
  await loadWasm()
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1, Client: CatalogueClient } as pg.PoolConfig)
  const adapter = new CatalogueAdapter(pool, { schema: 'public' })
  const factory = bindMigrationAwareSqlAdapterFactory(adapter)
  const engine = await bindings.SchemaEngine.new({ datamodels: undefined }, () => {}, factory)
  try {
    return await work(engine)
  } finally {
    engine.free()
    await pool.end()
  }
}

/** OID of the one-byte type `"char"`, which only PostgreSQL's catalogue uses. The adapter does not know it. */
const CHAR = 18
const charColumns = new Set<string>()

interface RowDescription { fields: { name: string, dataTypeID: number }[] }

/** Returns `"char"` columns as text, and remembers their names. */
class CatalogueClient extends Client {
  constructor (config?: pg.ClientConfig) {
    super(config)
    this.connection.on('rowDescription', ({ fields }: RowDescription) => {
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
 * Not sent: the engine locks the session and never unlocks it. Behind PgBouncer in transaction mode the lock would stay
 * on one of the pooler's connections, and the migrations of the next version would wait for it. `migrate` has its own.
 */
const ENGINE_LOCK = 'SELECT pg_advisory_lock(72707369)'

/** Reports `"char"` columns as characters, which the engine requires. */
class CatalogueAdapter extends PrismaPg {
  override async connect () {
    const connection = await super.connect()
    const queryRaw = connection.queryRaw.bind(connection)
    connection.queryRaw = async (query) => {
      const result = await queryRaw(query)
      const isChar = (index: number) => charColumns.has(result.columnNames[index] ?? '')
      const columnTypes = result.columnTypes.map((type, index) => isChar(index) ? ColumnTypeEnum.Character : type)
      return { ...result, columnTypes }
    }
    return connection
  }
}

/** A global of Node, which only the types of browsers declare. */
declare const WebAssembly: {
  instantiate: (code: Uint8Array, imports: object) => Promise<{ instance: { exports: Record<string, unknown> } }>
}

let loaded: Promise<void> | undefined

/** Does what the package's own entry does where .wasm files can be imported. */
function loadWasm (): Promise<void> {
  loaded ??= (async () => {
    // The engine reports the message of a panic here before it throws.
    const PRISMA_WASM_PANIC_REGISTRY = { set_message (message: string) { throw new Error(message) } }
    Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY })
    const file = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm')).replace(/\.js$/, '_bg.wasm')
    const { instance } = await WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': bindings })
    bindings.__wbg_set_wasm(instance.exports)
    const start = instance.exports['__wbindgen_start']
    if (typeof start === 'function') start()
  })()
  return loaded
}
