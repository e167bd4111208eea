/**
 * Loads Signet without DEBUG, with which Prisma's adapter would print each statement with its values. The host's own
 * modules keep it. Importing the package itself loads none of this.
 */
export async function loadSilently () {
  const { DEBUG: debug } = process.env
  delete process.env['DEBUG']
  try {
    return await import('./load.ts')
  } finally {
    if (debug !== undefined) process.env['DEBUG'] = debug
  }
}
