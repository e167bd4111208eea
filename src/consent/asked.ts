import type { Resources } from '../tokens/resources.ts'
import { THIRD_PARTY_SCOPES } from '../tokens/scope.ts'

/** What a client asks for at one resource. Consent is given and kept for each. */
export interface Asked { resource: string, name: string, scopes: string[] }

/** What a granted scope means at each of its resources. Undefined where one of them is no longer in RESOURCES. */
export function askedOf (
  apis: Pick<Resources, 'find'>, { scope, resources }: { scope: string, resources: string[] }
): Asked[] | undefined {
  const names = scope.split(' ')
  const asked = resources.map((resource): Asked | undefined => {
    const api = apis.find(resource)
    const belongs = (name: string) => THIRD_PARTY_SCOPES.includes(name) || api?.scopes?.includes(name)
    return api && { resource, name: api.name, scopes: names.filter(belongs) }
  })
  return asked.every((one) => one !== undefined) ? asked : undefined
}
