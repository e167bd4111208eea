// Imported by `await import()`, where there is a Redis. Asked for directly so, a CommonJS package has its names in Node only, and not in a bundle.
export { Redis } from 'ioredis'
