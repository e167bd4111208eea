// Loaded into a server before its own code: SIGUSR2 begins a CPU profile, the next SIGUSR2 writes it to PROFILE_FILE.
// While it records, PROFILE_FILE.recording exists.
import { rmSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

const file = process.env.PROFILE_FILE
const SAMPLING_INTERVAL_MICROSECONDS = 200

const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROSECONDS })

let isRecording = false
process.on('SIGUSR2', () => {
  isRecording = !isRecording
  if (isRecording) session.post('Profiler.start', () => writeFileSync(`${file}.recording`, ''))
  else session.post('Profiler.stop', (_error, { profile }) => save(profile))
})

function save (profile) {
  writeFileSync(file, JSON.stringify(profile))
  rmSync(`${file}.recording`)
}
