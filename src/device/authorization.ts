import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { CREDENTIAL_PARAMETERS, resolveClient, type Clients } from '../clients/clients.ts'
import { addressOf } from '../http/client-address.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import { DEVICE_CODE } from '../tokens/grant-types.ts'
import { ResourceParameter, type Resources } from '../tokens/resources.ts'
import { formatUserCode, hashDeviceCode, newDeviceCode, newUserCode } from './codes.ts'
import type { DeviceGrant, DeviceRepository } from './repository.ts'

export interface DeviceAuthorizationOptions {
  issuerUrl: string
  clients: Clients
  devices: DeviceRepository
  resources: Resources
}

const LIMITS = { lifetimeSeconds: 10 * 60, intervalSeconds: 5 }

type Routes = FastifyPluginAsyncTypebox<DeviceAuthorizationOptions>

/** The device authorization endpoint (RFC 8628 section 3.1). */
export const deviceAuthorizationRoutes: Routes = async (app, { issuerUrl, clients, devices, resources }) => {
  app.post('/oauth2/device_authorization', {
    schema: {
      summary: 'Start a sign-in on a device without a browser',
      description: 'RFC 8628 section 3.1. Show the person `user_code` and `verification_uri`, then poll /oauth2/token.',
      tags: ['OAuth 2.1'],
      body: Type.Object({
        ...CREDENTIAL_PARAMETERS,
        client_id: Type.Optional(Type.String({ description: 'A registered client, or `signet`.', maxLength: 200 })),
        scope: Type.Optional(Type.String({ description: 'As at /oauth2/authorize.', maxLength: 1000 })),
        resource: ResourceParameter
      }),
      response: {
        200: Type.Object({
          device_code: Type.String(),
          user_code: Type.String(),
          verification_uri: Type.String(),
          verification_uri_complete: Type.String(),
          expires_in: Type.Integer(),
          interval: Type.Integer()
        }),
        400: OAuthErrorSchema,
        401: OAuthErrorSchema,
        429: OAuthErrorSchema,
        503: OAuthErrorSchema
      }
    }
  }, async (request) => {
    await app.limits.signIn.count(`device:${addressOf(request)}`)
    const client = await resolveClient(clients, request, request.body, DEVICE_CODE)
    if (client === undefined) throw new OAuthError('invalid_request', 'client_id is missing.')
    const { scope, resource } = request.body
    const { clientId, metadata } = client
    const requested = { scope, resources: resources.read(resource), registered: metadata.resource }
    const { deviceCode, userCode } = await createGrant({ clientId, ...resources.grant(requested) })
    const verificationUri = `${issuerUrl}/device`
    return {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: verificationUri,
      verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
      expires_in: LIMITS.lifetimeSeconds,
      interval: LIMITS.intervalSeconds
    }
  })

  /** Tries new user codes until one is free. */
  async function createGrant (grant: Pick<DeviceGrant, 'clientId' | 'scope' | 'resources'>) {
    const deviceCode = newDeviceCode()
    const deviceCodeHash = hashDeviceCode(deviceCode)
    let userCode: string
    do userCode = newUserCode()
    while (!await devices.create({ ...grant, deviceCodeHash, userCode }, LIMITS))
    return { deviceCode, userCode: formatUserCode(userCode) }
  }
}
