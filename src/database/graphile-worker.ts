// For `await import()`: once bundled, a CommonJS package that is imported dynamically has no named exports of its own.
export { Logger, parseCronItems, run, runMigrations } from 'graphile-worker'
