import { partlySlowFiles, runFiles, shareOf } from '../groups/run-group.ts'

runFiles(shareOf(import.meta.url, partlySlowFiles()))
