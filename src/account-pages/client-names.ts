import type { Clients } from '../clients/clients.ts'
import type { ConsentGrant } from '../consent/grant-routes.ts'
import type { Page } from '../http/lists.ts'
import type { Api } from '../page-sessions/api.ts'
import type { Session } from '../sessions/session.ts'

/**
 * The names of the apps that sessions are for, by client id. A third party has the name that the person saw when they
 * allowed it: no document is read for this. One that is no longer registered has none.
 */
export async function clientNames (
  clients: Pick<Clients, 'find' | 'isThirdParty'>, api: Api, sessions: Session[]
): Promise<Map<string, string>> {
  const ids = [...new Set(sessions.map(({ clientId }) => clientId))]
  const names = new Map<string, string>()
  if (ids.some(clients.isThirdParty)) {
    const { items } = await api.get<Page<ConsentGrant>>('/me/grants?limit=100')
    for (const { clientId, clientName } of items) names.set(clientId, clientName)
  }
  for (const id of ids.filter((id) => !clients.isThirdParty(id))) {
    const client = await clients.find(id)
    if (client) names.set(id, client.name)
  }
  return names
}
