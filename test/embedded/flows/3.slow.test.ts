import { runFlows } from './run-flows.ts'

runFlows(import.meta.url)
