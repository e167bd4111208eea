import type { Surroundings } from '../admin/command.ts'
import { UsageError } from '../admin/command.ts'
import type { ImportArguments } from './options.ts'
import type { Person } from './person.ts'
import type { ImportOptions } from './plan.ts'
import { showProgress } from './progress.ts'
import { createProviderNames } from './providers.ts'
import { readDatabase } from './read-database.ts'
import { readFile } from './read-file.ts'
import { createTally, openReport } from './report.ts'
import { importBatch, noFacts, planBatch } from './write.ts'

/** A run that is stopped loses this many people at most, and they are the first of the next one. */
const BATCH = 1_000

/**
 * Imports the people of a source, a transaction for each batch. Whoever is here stays as they are, so it may be stopped
 * at any time and run again.
 */
export async function importPeople (
  { source, file, dryRun, ...args }: ImportArguments, { database, settings, say }: Surroundings
): Promise<void> {
  const options: ImportOptions = {
    from: source.id,
    translate: createProviderNames(settings.providers, args.providers),
    byEmail: args.byEmail,
    roles: args.roles,
    withMetadata: args.metadata,
    now: database.clock.now()
  }
  for (const id of args.providers.values()) {
    if (!settings.providers.some((provider) => provider.id === id)) {
      throw new UsageError(`--provider: the settings have no provider ${id}.`)
    }
  }
  const report = openReport(args.report)
  const tally = createTally()
  const progress = showProgress(tally)
  const facts = noFacts()
  try {
    const people = source.people(file === undefined ? readDatabase(sourceUrl(), source.query!) : readFile(file))
    for await (const batch of inBatches(people)) {
      const plans = await (dryRun ? planBatch(database, batch, options, facts) : importBatch(database, batch, options))
      for (const [index, person] of batch.entries()) {
        const plan = plans[index]!
        tally.count(person, plan)
        await report.add(person, plan)
      }
    }
    await report.close()
  } finally {
    progress.stop()
  }
  for (const line of tally.summary(dryRun)) say(line)
}

/** By the environment, since a password among the arguments is shown to every user of the machine. */
function sourceUrl (): string {
  const { IMPORT_DATABASE_URL: url } = process.env
  if (!url) throw new UsageError('Give an export by --file, or set IMPORT_DATABASE_URL to the database of the source.')
  return url
}

async function * inBatches (people: AsyncIterable<Person>): AsyncGenerator<Person[]> {
  let batch: Person[] = []
  for await (const person of people) {
    batch.push(person)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
