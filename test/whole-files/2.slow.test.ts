import { runFiles, shareOf, slowFiles } from '../groups/run-group.ts'

runFiles(shareOf(import.meta.url, slowFiles()))
