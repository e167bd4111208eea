import { explainDatabaseFailure } from './database/failure.ts'

/** Why Signet cannot start, in one line that names the setting and says what to do. Contains no secret. */
export class StartError extends Error {
  override name = 'StartError'
}

/** A StartError where the database of DATABASE_URL is the reason, else the failure itself. */
export function explainFailure (failure: unknown, databaseUrl: string | undefined): unknown {
  const explained = databaseUrl === undefined ? undefined : explainDatabaseFailure(failure, databaseUrl)
  if (!explained) return failure
  const { what, advice } = explained
  return new StartError(`The database of DATABASE_URL cannot be used: ${what}. ${advice}`, { cause: failure })
}

/** The failure to listen at HOST and PORT. */
export function listenError (failure: unknown, { host, port }: { host: string, port: number }): unknown {
  const sentence = sentences(host, port)[(failure as { code?: string }).code ?? '']
  return sentence === undefined ? failure : new StartError(sentence, { cause: failure })
}

const sentences = (host: string, port: number): Record<string, string> => ({
  EADDRINUSE: `PORT ${port} is taken: another program listens there. End it, or set PORT to another port.`,
  EACCES: `PORT ${port} needs the rights of an administrator. Set PORT to 1024 or more, with a proxy in front of it.`,
  EADDRNOTAVAIL: `HOST ${host} is no address of this machine. Set HOST to one, such as 127.0.0.1, or 0.0.0.0 for all.`,
  ENOTFOUND: `HOST ${host} is not known. Set HOST to an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all.`
})
