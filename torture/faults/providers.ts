import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault as ProviderFault } from '../../test/fakes/faults.ts'
import type { Fault } from '../fault.ts'
import { startLoad, type Request } from '../load.ts'
import { megabytes, milliseconds, percentile, tally, worst } from '../numbers.ts'
import { PATHS } from '../provider.ts'
import type { World } from '../world.ts'

/** What a busy machine adds to any p99. */
const NOISE_MS = 250

const hanging: Fault = {
  id: 'F6',
  title: 'a provider hangs: in its token endpoint, its key set, and while it is asked for fresh tokens',
  pass: 'its logins end within 10 s; logins at other providers, refreshes and /me are as fast as before (p99 at ' +
    'most 1.2 times, or 250 ms more: one machine plays all the parts); no call to it is left open',
  async play (world, { figure, must }, { pick, short }) {
    const { acme, second, client } = world
    // More than an instance has connections.
    const asking = 24
    await client.loginAtAcme()
    // Their tokens of the provider are over at once, so that it has to be asked for new ones.
    const people: { token: string, account: string }[] = []
    for (let index = 0; index < asking; index++) {
      const { access_token: token } = await client.login(`hanging${index}`, { provider: 'second' })
      people.push({ token, account: (await client.me(token)).body.accounts[0].id as string })
    }
    const atAcme = () => Promise.all(Array.from({ length: 10 }, (_, index) => client.loginAtAcme(index)))
    const forTokens = () =>
      Promise.all(
        people.map(({ token, account }, index) =>
          client.call('POST', `/me/accounts/${account}/token`, { token, at: index })
        )
      )
    const load = await startLoad(client)
    // Once while all is well: that so many at once need connections to the database which are not there yet is not the
    // provider's doing.
    await Promise.all([atAcme(), forTokens()])
    const calmAt = performance.now()
    await sleep(pick(8_000, 2_000))
    const calm = load.soFar().filter(({ beganAt }) => beganAt > calmAt)

    const waits: number[] = []
    const statuses: number[] = []
    const hangAt = performance.now()
    async function hang (work: () => Promise<{ status: number, milliseconds: number }[]>): Promise<void> {
      for (const answer of await work()) {
        waits.push(answer.milliseconds)
        statuses.push(answer.status)
      }
    }
    acme.fault(acme.paths.token, { kind: 'hang' })
    second.fault(PATHS.token, { kind: 'hang' })
    await Promise.all([hang(atAcme), hang(forTokens)])
    acme.heal()
    second.heal()
    if (!short) {
      await acme.rotateKeys({ keepOld: false })
      acme.fault(acme.paths.jwks, { kind: 'hang' })
      await hang(atAcme)
      acme.heal()
    }
    const calmAgainAt = performance.now()
    const meanwhile = load.soFar().filter(({ beganAt }) => beganAt > hangAt && beganAt < calmAgainAt)
    const report = await load.stop()
    // A call whose caller has given up goes on until its own time is up.
    const pending = () => acme.pending().length + second.pending().length
    for (const endsAt = Date.now() + 6_000; pending() > 0 && Date.now() < endsAt;) await sleep(50)
    const open = pending()
    figure('hanging calls', waits.length)
    figure('answers', tally(statuses))
    figure('longest wait for them', milliseconds(worst(waits)))
    for (const kind of ['login', 'refresh', 'me'] as const) {
      const p99 = (requests: Request[]) =>
        percentile(
          requests.filter((one) => one.kind === kind).map((one) => one.milliseconds),
          0.99
        )
      const [base, now] = [p99(calm), p99(meanwhile)]
      figure(`p99 of others, ${kind}: before, meanwhile`, `${milliseconds(base)}, ${milliseconds(now)}`)
      must(
        now <= Math.max(base * 1.2, base + NOISE_MS),
        `others were slower: ${kind} from ${milliseconds(base)} to ${milliseconds(now)}`
      )
    }
    figure('calls left open at the provider', open)
    must(
      statuses.every((status) => [502, 503, 504].includes(status)),
      `a hanging call was answered with ${tally(statuses)}`
    )
    must(worst(waits) <= 10_500, 'a login waited longer than 10 s')
    must(
      report.failed.length === 0,
      `others failed: ${tally(report.failed.map(({ kind, status }) => `${kind} ${status}`))}`
    )
    must(report.loggedOut === 0, 'people were logged out')
    must(open === 0, 'calls are left open')
  }
}

const FAULTS: Record<string, ProviderFault> = {
  'a byte at a time': { kind: 'drip' },
  'status 500': { kind: 'status', status: 500 },
  'connection reset': { kind: 'reset' },
  'a body of 50 MB': { kind: 'huge' },
  'broken JSON': { kind: 'malformed' },
  'a page of HTML': { kind: 'html' },
  '200 with an error': { kind: 'json', value: { error: 'invalid_grant' } }
}

const broken: Fault = {
  id: 'F7',
  title: 'a provider drips, fails, resets, floods, redirects in a circle',
  pass: 'each is a 502 or 504, nothing is written, memory grows by less than 50 MB',
  note: 'bad TLS and names that do not resolve: `test/flows/provider-faults/unreachable.test.ts` does',
  async play (world, { figure, must }, { short }) {
    const { client, swift, sql } = world
    const count = async () => (await sql.query('SELECT count(*)::int AS users FROM users')).rows[0].users as number
    const usersBefore = await count()
    const memoryBefore = await world.instances[0].memory()
    let peak = memoryBefore
    const watch = setInterval(() => {
      world.instances[0].memory().then(
        (memory) => {
          peak = Math.max(peak, memory)
        },
        () => {}
      )
    }, 50)
    const faults = {
      ...FAULTS,
      'a redirect in a circle': { kind: 'redirect', location: swift.url + PATHS.profile } as const
    }
    let played = 0
    for (const [name, fault] of Object.entries(faults)) {
      const statuses: number[] = []
      const waits: number[] = []
      // Each drip lasts until the time is up.
      for (const path of short ? [PATHS.profile] : Object.values(PATHS)) {
        swift.fault(path, fault)
        const answers = await Promise.all(
          Array.from({ length: short ? 2 : 5 }, async () => (await client.prepare(`broken${played++}`))())
        )
        statuses.push(...answers.map(({ status }) => status))
        waits.push(...answers.map((answer) => answer.milliseconds))
        swift.heal()
      }
      figure(name, `${tally(statuses)}, at most ${milliseconds(worst(waits))}`)
      must(
        statuses.every((status) => status === 502 || status === 504),
        `${name} was answered with ${tally(statuses)}`
      )
    }
    clearInterval(watch)
    figure('memory: before, at most', `${megabytes(memoryBefore)}, ${megabytes(peak)}`)
    figure('users made', (await count()) - usersBefore)
    must((await count()) === usersBefore, 'users were made')
    must(peak - memoryBefore < 50 * 1024 * 1024, 'memory grew by 50 MB')
  }
}

const keyRotation: Fault = {
  id: 'F8',
  wholeOnly: true,
  title: 'an OpenID provider rotates its keys while people sign in',
  pass: 'no login fails; its key set is fetched at most once by each instance for a rotation',
  async play (world, { figure, must }, { pick }) {
    const { acme } = world
    const rotations = pick(5, 1)
    await loginAll(world, 2)
    acme.reset()
    const statuses: number[] = []
    for (let rotation = 0; rotation < rotations; rotation++) {
      statuses.push(...(await loginAll(world, 20)))
      // Unknown keys are fetched once in ten seconds only, so that forged tokens cause few calls to the provider.
      await sleep(10_500)
      await acme.rotateKeys({ keepOld: true })
      statuses.push(...(await loginAll(world, 20)))
    }
    const fetches = acme.calls(acme.paths.jwks).length
    figure('rotations', rotations)
    figure('logins', tally(statuses))
    figure('fetches of the key set', fetches)
    must(
      statuses.every((status) => status === 200),
      `logins failed: ${tally(statuses)}`
    )
    must(fetches <= 2 * rotations, 'the key set was fetched too often')
  }
}

const loginAll = async ({ client }: World, count: number) =>
  (await Promise.all(Array.from({ length: count }, (_, index) => client.loginAtAcme(index)))).map(
    ({ status }) => status
  )

export const providerFaults = [hanging, broken, keyRotation]
