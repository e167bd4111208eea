#!/usr/bin/env node
// With DEBUG set, Prisma's adapter would print each statement with its values.
delete process.env.DEBUG
await import('../dist/cli.js')
