import importX from 'eslint-plugin-import-x'
import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

/** The folders of src/, lowest first. Each imports only from folders above it in this list, types included. */
const LAYERS = [
  'logging',
  'database',
  'http',
  'texts',
  'pages',
  'vault',
  'jobs',
  'audit',
  'keys',
  'tokens',
  'clients',
  'providers',
  'sessions',
  'users',
  'accounts',
  'personal-tokens',
  'provider-events',
  'webhooks',
  'client-assertions',
  'page-sessions',
  'registration',
  'sign-in',
  'consent',
  'device',
  'oauth2',
  'revocations',
  'admin',
  'account-pages',
  'admin-pages',
  'home',
  'health',
  'problems',
  'tracing',
  'plugins'
]

const noPrisma = {
  group: ['**/database/generated/**', '@prisma/*', 'pg'],
  message: 'Only repositories and src/database import Prisma or pg.'
}
const noFastify = { group: ['fastify', '@fastify/*'], allowTypeImports: true, message: 'Services do not know Fastify.' }
const noRoutes = {
  group: ['**/routes.ts', '**/*-routes.ts'],
  message: 'Use another feature through its service or repository.'
}

const restrict = (files, patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] }
})

const importOnlyLowerLayers = LAYERS.map((folder, index) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^\\.\\./(?!(?:${LAYERS.slice(0, index).join('|')})/|(?:package-root|command-line)\\.ts$)`,
            message: `src/${folder} may only import folders that stand before it in LAYERS (eslint.config.js).`
          }
        ]
      }
    ]
  }
}))

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    rules: {
      '@stylistic/max-len': ['error', { code: 120, ignoreUrls: true }],
      '@stylistic/member-delimiter-style': [
        'error',
        { multiline: { delimiter: 'none' }, singleline: { delimiter: 'comma' } }
      ]
    }
  },
  {
    files: ['src/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: { 'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] } },
    rules: {
      'import-x/no-cycle': 'error',
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only settings.ts and tools/ read the environment.' }
      ]
    }
  },
  {
    files: ['src/settings.ts', 'src/server.ts', 'src/logging/quiet-debug.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-console': 'off' }
  },
  ...importOnlyLowerLayers,
  restrict(['src/*/service.ts'], [noPrisma, noFastify, noRoutes]),
  restrict(['src/*/routes.ts', 'src/*/*-routes.ts', 'src/oauth2/*.ts', 'src/plugins/!(database).ts'], [noPrisma]),
  restrict(['src/sign-in/link-account.ts', 'src/tokens/refresh-token.ts'], [noPrisma, noFastify, noRoutes])
]
