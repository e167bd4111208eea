import { race } from '../../test/helper.ts'
import { sessionOf, type TimedAnswer } from '../client.ts'
import type { Fault } from '../fault.ts'
import { milliseconds, tally, worst } from '../numbers.ts'
import type { World } from '../world.ts'

const firstLogins: Fault = {
  id: 'C1',
  title: 'first logins of one identity at once, on two instances',
  pass: 'one user, one account, no 5xx, and every session works',
  async play ({ client, sql }, { figure, must }, { pick }) {
    const rounds = pick(3, 1)
    const size = pick(1000, 200)
    const waits: number[] = []
    const statuses: number[] = []
    for (let round = 0; round < rounds; round++) {
      const name = `first${round}-${process.pid}`
      const callbacks: Awaited<ReturnType<typeof client.prepare>>[] = []
      while (callbacks.length < size) {
        callbacks.push(
          ...(await Promise.all(Array.from({ length: 20 }, (_, index) => client.prepare(name, { at: index }))))
        )
      }
      const answers = await race(size, (index) => (callbacks[index] as (typeof callbacks)[number])(index))
      statuses.push(...answers.map(({ status }) => status))
      waits.push(...answers.map((answer) => answer.milliseconds))
      const { rows: [counts] } = await sql.query(
        'SELECT count(*)::int AS accounts, count(DISTINCT user_id)::int AS users FROM accounts WHERE subject = $1',
        [name]
      )
      must(
        counts.users === 1 && counts.accounts === 1,
        `round ${round}: ${counts.users} users, ${counts.accounts} accounts`
      )
      let dead = 0
      for (let index = 0; index < answers.length; index += 20) {
        const some = answers.slice(index, index + 20).filter(({ status }) => status === 200)
        const alive = await Promise.all(some.map(({ body }, at) => client.me(body.access_token, { at })))
        dead += alive.filter(({ status }) => status !== 200).length
      }
      must(dead === 0, `round ${round}: ${dead} sessions do not work`)
    }
    figure('rounds, logins in each', `${rounds}, ${size}`)
    figure('answers', tally(statuses))
    figure('longest wait', milliseconds(worst(waits)))
    must(
      statuses.every((status) => status === 200),
      `answers other than 200: ${tally(statuses)}`
    )
  }
}

const refreshes: Fault = {
  id: 'C2',
  title: 'a hundred refreshes of one token at once',
  pass: 'all succeed and get the same successor; one live token remains, and no session ends',
  async play ({ client }, { figure, must }, { pick }) {
    const rounds = pick(100, 5)
    let most = 0
    let loggedOut = 0
    const statuses: number[] = []
    const waits: number[] = []
    for (let round = 0; round < rounds; round++) {
      const { refresh_token: token } = await client.login('converging')
      const answers = await race(100, (index) => client.refresh(token, { at: index }))
      statuses.push(...answers.map(({ status }) => status))
      waits.push(...answers.map((answer) => answer.milliseconds))
      const successors = new Set(
        answers.filter(({ status }) => status === 200).map(({ body }) => body.refresh_token as string)
      )
      most = Math.max(most, successors.size)
      const sessions = new Set(
        answers.filter(({ status }) => status === 200).map(({ body }) => sessionOf(body.access_token))
      )
      must(sessions.size === 1, `round ${round}: ${sessions.size} sessions`)
      if ((await client.refresh([...successors][0] as string)).status !== 200) loggedOut++
    }
    figure('rounds', rounds)
    figure('answers', tally(statuses))
    figure('most successors in a round', most)
    figure('longest wait', milliseconds(worst(waits)))
    figure('logged out', loggedOut)
    must(most === 1, 'a token had more than one successor')
    must(
      statuses.every((status) => status === 200),
      `answers other than 200: ${tally(statuses)}`
    )
    must(loggedOut === 0, 'a session ended')
  }
}

const stale: Fault = {
  id: 'C3',
  title: 'a hundred refreshes with a stolen token at once',
  pass: 'none succeeds; the session is ended once and one event tells of it',
  async play ({ client, sql }, { figure, must }, { pick }) {
    const rounds = pick(50, 3)
    let successes = 0
    let alive = 0
    const events: number[] = []
    for (let round = 0; round < rounds; round++) {
      const stolen = await client.login('robbed')
      const second = (await client.refresh(stolen.refresh_token)).body
      const third = (await client.refresh(second.refresh_token)).body
      const answers = await race(100, (index) => client.refresh(stolen.refresh_token, { at: index }))
      successes += answers.filter(({ status }) => status === 200).length
      if (
        (await client.refresh(third.refresh_token)).status === 200 ||
        (await client.me(third.access_token, { at: 1 })).status === 200
      ) { alive++ }
      const text =
        `SELECT count(*)::int AS events
        FROM audit_events
        WHERE type = 'token.reuse_detected' AND details->>'sessionId' = $1`
      events.push((await sql.query(text, [sessionOf(stolen.access_token)])).rows[0].events)
    }
    figure('rounds', rounds)
    figure('successes', successes)
    figure('events a round', [...new Set(events)].join(', '))
    must(successes === 0, 'a stolen token was taken')
    must(alive === 0, 'the session lives on')
    must(
      events.every((count) => count === 1),
      `a round had ${Math.max(...events)} events`
    )
  }
}

type Change = (round: number, world: World) => Promise<{ broken: boolean, answers: TimedAnswer[] }>

/** What two do to one thing at once. */
const CHANGES: Record<string, { allowed: number[], play: Change }> = {
  'logout and refresh': {
    allowed: [200, 204, 400],
    async play (round, { client }) {
      const tokens = await client.login('leaving')
      const answers = await Promise.all([
        client.call('POST', '/logout', { token: tokens.access_token, at: round }),
        client.refresh(tokens.refresh_token, { at: round + 1 })
      ])
      const last = answers[1].status === 200 ? answers[1].body : tokens
      return {
        answers,
        broken:
          (await client.refresh(last.refresh_token)).status === 200 ||
          (await client.me(last.access_token, { at: 1 })).status === 200
      }
    }
  },
  'deletion and refresh': {
    allowed: [200, 204, 400],
    async play (round, { client, sql }) {
      const tokens = await client.login('deleted')
      const answers = await Promise.all([
        client.call('DELETE', '/me', { token: tokens.access_token, at: round }),
        client.refresh(tokens.refresh_token, { at: round + 1 })
      ])
      return {
        answers,
        broken: (await sql.query('SELECT 1 FROM sessions WHERE user_id = $1', [tokens.user.id])).rowCount !== 0
      }
    }
  },
  'disabling and login': {
    allowed: [200, 403],
    async play (round, { client, sql }) {
      const { user } = await client.login('banned')
      const callback = await client.prepare('banned', { at: round })
      const [answer] = await Promise.all([
        callback(),
        sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [user.id])
      ])
      const broken =
        answer.status === 200 && (await client.me(answer.body.access_token, { at: round + 1 })).status === 200
      await sql.query('UPDATE users SET disabled_at = NULL WHERE id = $1', [user.id])
      return { answers: [answer], broken }
    }
  },
  'linking one account to two users': {
    allowed: [201, 409],
    async play (round, { client, sql }) {
      const people = [await client.login(`linker-a${round}`), await client.login(`linker-b${round}`)]
      const codes = [
        await client.code(`wanted${round}`, { intent: 'link', provider: 'second' }),
        await client.code(`wanted${round}`, { intent: 'link', provider: 'second' })
      ]
      const answers = await race(2, (index) =>
        client.call('POST', '/me/accounts', {
          token: people[index]?.access_token as string,
          body: codes[index] as object,
          at: index
        })
      )
      const { rowCount } = await sql.query("SELECT 1 FROM accounts WHERE provider = 'second' AND subject = $1", [
        `wanted${round}`
      ])
      return { answers, broken: rowCount !== 1 || answers.filter(({ status }) => status === 201).length !== 1 }
    }
  },
  'unlinking both accounts of one user': {
    allowed: [204, 409],
    async play (round, { client }) {
      await client.login(`double${round}`)
      const { access_token: token } = await client.login(`double${round}`, { provider: 'second' })
      const { accounts } = (await client.me(token)).body
      const answers = await race(2, (index) =>
        client.call('DELETE', `/me/accounts/${accounts[index]?.id}`, { token, at: index })
      )
      return { answers, broken: accounts.length !== 2 || answers.filter(({ status }) => status === 204).length !== 1 }
    }
  }
}

const changes: Fault = {
  id: 'C4',
  title: 'two changes of one thing at once',
  pass: 'in either order, no token of an ended session works, an account belongs to one user, and no user loses the ' +
    'last one',
  async play (world, { figure, must }, { pick }) {
    const rounds = pick(100, 5)
    for (const [name, { allowed, play }] of Object.entries(CHANGES)) {
      let broken = 0
      const statuses: number[] = []
      for (let round = 0; round < rounds; round++) {
        const outcome = await play(round, world)
        statuses.push(...outcome.answers.map(({ status }) => status))
        if (outcome.broken) broken++
      }
      figure(`${name}: ${rounds} rounds`, tally(statuses))
      must(broken === 0, `${name}: broken in ${broken} rounds`)
      must(
        statuses.every((status) => allowed.includes(status)),
        `${name}: answers were ${tally(statuses)}`
      )
    }
  }
}

const spentOnce: Fault = {
  id: 'C5',
  title: 'fifty uses of one state, and of one authorization code, at once',
  pass: 'one wins',
  async play ({ client }, { figure, must }, { pick }) {
    const rounds = pick(50, 3)
    const winners: number[] = []
    const codeWinners: number[] = []
    for (let round = 0; round < rounds; round++) {
      const callback = await client.prepare('once')
      winners.push((await race(50, (index) => callback(index))).filter(({ status }) => status === 200).length)
      const code = await client.code('once', { at: round })
      const answers = await race(50, (index) =>
        client.call('POST', '/oauth2/token', { at: index, body: { grant_type: 'authorization_code', ...code } })
      )
      codeWinners.push(answers.filter(({ status }) => status === 200).length)
    }
    figure('rounds', rounds)
    figure('winners of a state', [...new Set(winners)].join(', '))
    figure('winners of a code', [...new Set(codeWinners)].join(', '))
    must(
      [...winners, ...codeWinners].every((count) => count === 1),
      'there was not one winner'
    )
  }
}

const unverified: Fault = {
  id: 'C6',
  title: 'a hundred people with one unverified email, at two providers, at once',
  pass: 'a hundred accounts of a hundred users',
  async play ({ client, sql }, { figure, must }, { pick }) {
    const rounds = pick(5, 1)
    for (let round = 0; round < rounds; round++) {
      const callbacks = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          client.prepare(`unverified${round}-${index}`, { at: index, provider: index % 2 ? 'swift' : 'second' })
        )
      )
      const answers = await race(100, (index) => (callbacks[index] as (typeof callbacks)[number])(index + 1))
      must(
        answers.every(({ status, body }) => status === 200 && body.user.email === null),
        `round ${round}: ${tally(answers.map(({ status }) => status))}`
      )
    }
    const { rows: [counts] } = await sql.query(
      `SELECT count(*)::int AS accounts, count(DISTINCT user_id)::int AS users
      FROM accounts
      WHERE subject LIKE 'unverified%'`
    )
    figure('rounds', rounds)
    figure('accounts, users', `${counts.accounts}, ${counts.users}`)
    must(counts.accounts === rounds * 100 && counts.users === rounds * 100, 'people were merged')
  }
}

const sameMoment: Fault = {
  id: 'C7',
  title: 'refreshes in the moment of the issue, one after the other, at alternating instances',
  pass: 'all succeed, and a token two rotations back never does, though all are of one second',
  async play ({ client }, { figure, must }, { pick }) {
    const rounds = pick(200, 10)
    let refused = 0
    let taken = 0
    for (let round = 0; round < rounds; round++) {
      const chain = [(await client.login('instant', { at: round })).refresh_token]
      for (let step = 0; step < 5; step++) {
        const { status, body } = await client.refresh(chain[0] as string, { at: round + step })
        if (status === 200) chain.unshift(body.refresh_token)
        else refused++
      }
      if ((await client.refresh(chain[2] as string, { at: round })).status === 200) taken++
    }
    figure('rounds of five refreshes', rounds)
    figure('refused', refused)
    figure('old tokens taken', taken)
    must(refused === 0 && taken === 0, 'a token was judged by its time')
  }
}

export const races = [firstLogins, refreshes, stale, changes, spentOnce, unverified, sameMoment]
