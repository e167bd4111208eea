/** `npx signet <command>`: the service and its tools, as the package signet-server has them. */
import { COMMANDS, type CliCommand } from './commands.ts'

const WIDTH = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2

const USAGE = `Usage: npx signet <command>

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(WIDTH)}${summary}`).join('\n')}

npx signet <command> --help says more. The settings are those of the environment and of .env.`

const isHelp = (word: string | undefined) => word === '--help' || word === '-h' || word === 'help'

async function main ([name, ...args]: string[]): Promise<void> {
  if (name === undefined || isHelp(name)) return console.log(USAGE)
  const command = COMMANDS.find((one) => one.name === name)
  if (!command) {
    console.error(`There is no command ${name}.\n\n${USAGE}`)
    process.exitCode = 2
    return
  }
  if (args.some(isHelp)) return console.log(helpOf(command))
  // A command reads its arguments where `npm run <command> --` puts them.
  process.argv.splice(2, 1)
  await command.run()
}

function helpOf ({ name, summary, usage = '', help }: CliCommand): string {
  return `Usage: npx signet ${name}${usage}\n\n${help ?? `${summary}.`}`
}

await main(process.argv.slice(2))
