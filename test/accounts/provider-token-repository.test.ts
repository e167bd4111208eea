import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createProviderTokenRepository } from '../../src/accounts/provider-token-repository.ts'
import { eventually } from '../helper.ts'
import { openDatabase } from '../open-database.ts'
import { slow } from '../slow.ts'

async function world (t: Test) {
  const { prisma } = await openDatabase(t)
  const identity = { provider: 'acme', issuer: 'https://acme', subject: '1' }
  const account = { ...identity, emailVerified: false, scope: '', sealedTokens: 'old' }
  const user = await prisma.user.create({ data: { accounts: { create: account } }, include: { accounts: true } })
  return { repository: createProviderTokenRepository({ prisma }), userId: user.id, accountId: user.accounts[0]!.id }
}

const patient = () => AbortSignal.timeout(20_000)

slow.test('a lock is waited for longer than a statement may wait, and then shows what was stored', async (t) => {
  const { repository, userId, accountId } = await world(t)
  const stored = { sealedTokens: 'new', sealedRefreshToken: 'refresh' }
  const order: string[] = []
  const first = repository.withLock(accountId, patient(), async ({ store }) => {
    order.push('first')
    await sleep(2_500)
    await store(stored)
    order.push('stored')
  })
  await eventually('the row is locked', () => order.length > 0)
  const second = await repository.withLock(accountId, patient(), async ({ account }) => {
    order.push('second')
    return account
  })
  await first
  t.same(order, ['first', 'stored', 'second'])
  t.match(second, { id: accountId, provider: 'acme', issuer: 'https://acme', subject: '1', ...stored })
  t.same(await repository.find(userId, accountId), second)
})

t.test('waiting ends with the signal, work that throws stores nothing, and an account may be gone', async (t) => {
  const { repository, userId, accountId } = await world(t)
  let isLocked = false
  const holder = repository.withLock(accountId, patient(), async ({ store }) => {
    isLocked = true
    await store({ sealedTokens: 'new', sealedRefreshToken: null })
    await sleep(2_000)
    throw new Error('the provider failed')
  })
  const holderFails = t.rejects(holder, { message: 'the provider failed' })
  await eventually('the row is locked', () => isLocked)
  const reason = new Error('too late')
  await t.rejects(repository.withLock(accountId, AbortSignal.abort(reason), async () => {}), reason)
  await holderFails
  t.match(await repository.find(userId, accountId), { sealedTokens: 'old' })
  const unknown = '0190c4d2-7c1a-7e6f-9a3b-000000000001'
  t.equal(await repository.withLock(unknown, patient(), async () => 'ran'), undefined)
  t.equal(await repository.find(unknown, accountId), undefined)
})
