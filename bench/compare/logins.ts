import { loginOf, signUpOf } from './clients.ts'
import type { Extent } from './extent.ts'
import type { LoginCosts } from './figures.ts'
import { perform } from './operation.ts'
import { PEOPLE, type ProviderKind } from './people.ts'
import { addSample, alternate, noCost, sample, type Subject } from './sample.ts'

/**
 * Each turn is a fresh process, alone under test: its first 500 logins are cold, the logins after them warm, and then
 * people sign up. Processes that stand idle between their turns would have to warm up again in each.
 */
export async function measureLogins (
  kind: ProviderKind, subjects: Subject[], { rounds, warmLogins, signUps }: Extent
): Promise<Record<string, LoginCosts>> {
  const costs: Record<string, LoginCosts> = {}
  for (let round = 0; round <= rounds; round++) {
    console.log(`Logins with ${kind}, ${round === 0 ? `${PEOPLE} people sign up` : `round ${round} of ${rounds}`} ...`)
    for (const { name, launch } of alternate(subjects, round)) {
      const { server, client: { signIn } } = await launch()
      if (!signIn) throw new Error(`${name} has no login.`)
      const login = loginOf(signIn, kind)
      if (round === 0) {
        await perform(login, PEOPLE, async (work) => await work())
      } else {
        const { cold, warm, signUp } = costs[name] ??= { cold: noCost(), warm: noCost(), signUp: noCost() }
        addSample(cold, await sample(server, login, PEOPLE))
        addSample(warm, await sample(server, login, warmLogins))
        addSample(signUp, await sample(server, signUpOf(signIn, kind), signUps))
      }
      await server.stop()
    }
  }
  return costs
}
