import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * Keeps the provider's state in memory, until it expires. Sessions can be looked up by the tokens that came
 * of them and never by their cookie: so every login asks for a persona, two tabs never meet, and prompt=none always is
 * login_required, as for a person who is new to the provider.
 */
export function createMemoryAdapter (): AdapterFactory {
  const entries = new Map<string, { payload: AdapterPayload, expiresAt: number }>()

  function read (key: string): AdapterPayload | undefined {
    const entry = entries.get(key)
    return entry && entry.expiresAt > Date.now() ? entry.payload : undefined
  }

  function forget (isForgotten: (payload: AdapterPayload, expiresAt: number) => boolean) {
    for (const [key, { payload, expiresAt }] of entries) if (isForgotten(payload, expiresAt)) entries.delete(key)
  }

  const sweeper = setInterval(() => forget((_, expiresAt) => expiresAt <= Date.now()), 60_000)
  sweeper.unref()

  return (model): Adapter => ({
    async upsert (id, payload, expiresIn) {
      entries.set(`${model}:${id}`, { payload, expiresAt: expiresIn ? Date.now() + expiresIn * 1000 : Infinity })
    },
    async find (id) {
      return model === 'Session' ? undefined : read(`${model}:${id}`)
    },
    async findByUid (uid) {
      for (const [key, { payload }] of entries) if (key.startsWith(`${model}:`) && payload.uid === uid) return read(key)
    },
    async findByUserCode () {},
    async consume (id) {
      const payload = read(`${model}:${id}`)
      if (payload) payload.consumed = Math.floor(Date.now() / 1000)
    },
    async destroy (id) {
      entries.delete(`${model}:${id}`)
    },
    async revokeByGrantId (grantId) {
      forget((payload) => payload.grantId === grantId)
    }
  })
}
