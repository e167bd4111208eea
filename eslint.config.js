import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

/** The walls between the rooms of docs/architecture.md. */
const wall = (files, patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns }] } })
const noPrisma = { group: ['**/database/generated/**', '@prisma/*', 'pg'], message: 'Only repositories and src/database name Prisma.' }
const noFastify = { group: ['fastify', '@fastify/*'], allowTypeImports: true, message: 'Services do not know Fastify.' }
const noRoutes = { group: ['**/routes.ts', '**/*-routes.ts'], message: 'Reach another feature through its service or repository.' }

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  { rules: { '@stylistic/max-len': ['error', { code: 160, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreUrls: true }] } },
  { files: ['src/**/*.ts'], rules: { 'no-console': 'error', 'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only settings.ts and tools/ read the environment.' }] } },
  { files: ['src/settings.ts', 'src/server.ts', 'src/quiet-debug.ts', 'src/database/embedded-postgres.ts'], rules: { 'no-restricted-properties': 'off', 'no-console': 'off' } },
  wall(['src/*/service.ts'], [noPrisma, noFastify, noRoutes]),
  wall(['src/*/routes.ts', 'src/*/*-routes.ts', 'src/oauth2/*.ts', 'src/plugins/!(database).ts'], [noPrisma]),
  wall(['src/sign-in/link-account.ts', 'src/sessions/refresh-token.ts'], [noPrisma, noFastify, noRoutes])
]
