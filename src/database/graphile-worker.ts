// Imported by `await import()`, when the service listens. Asked for directly so, a CommonJS package has its names in Node only, and not in a bundle.
export { Logger, parseCronItems, run, runMigrations } from 'graphile-worker'
