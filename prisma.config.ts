// The CLI insists on a schema engine binary that many machines cannot download. `generate` and `validate` never run
// it, so any file that exists will do; migrations run on the WebAssembly engine (src/database/migrations.ts).
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

const { defineConfig } = await import('prisma/config')

export default defineConfig({ schema: 'prisma/schema.prisma' })
