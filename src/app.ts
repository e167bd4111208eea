import type { IncomingMessage } from 'node:http'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { accountPages } from './account-pages/routes.ts'
import { adminPages } from './admin-pages/routes.ts'
import { adminRoutes } from './admin/routes.ts'
import { createAdminUserRepository, type AdminUserRepository } from './admin/user-repository.ts'
import { createAccountRepository } from './accounts/repository.ts'
import { createGrantRevocation } from './accounts/grant-revocation.ts'
import { createLinkCodeRepository } from './accounts/link-code-repository.ts'
import { createProviderTokenRepository } from './accounts/provider-token-repository.ts'
import { deletionRoutes } from './accounts/deletion-routes.ts'
import { accountRoutes } from './accounts/routes.ts'
import { createAccountService } from './accounts/service.ts'
import { createAuditRepository } from './audit/repository.ts'
import { purgeExpired } from './jobs/purge.ts'
import { retryUntilAvailable } from './database/unavailable.ts'
import { Problem } from './http/errors.ts'
import { useForwardProxy } from './http/forward-proxy.ts'
import { stripIssuerPath } from './http/issuer-path.ts'
import { healthRoutes } from './health/routes.ts'
import { favicon } from './home/favicon.ts'
import { homeRoutes } from './home/routes.ts'
import { jobRunner } from './jobs/job-runner.ts'
import { createAccessTokens } from './tokens/access-tokens.ts'
import { compileClaims, usesMetadata } from './tokens/claim-template.ts'
import { createIdTokens } from './tokens/id-tokens.ts'
import { createLogoutTokens } from './tokens/logout-tokens.ts'
import { createKeyRepository } from './keys/repository.ts'
import { keyRoutes } from './keys/routes.ts'
import { createKeyService } from './keys/service.ts'
import { authorizeRoutes } from './oauth2/authorize.ts'
import { createClientRepository } from './clients/repository.ts'
import { createClientAssertions } from './client-assertions/assertions.ts'
import { createDocumentReader } from './client-assertions/documents.ts'
import { createAssertionKeys } from './client-assertions/keys.ts'
import { createClientTokenRepository } from './clients/client-token-repository.ts'
import { createClients } from './clients/clients.ts'
import { consentRoutes } from './consent/consent-routes.ts'
import { grantRoutes } from './consent/grant-routes.ts'
import { createConsentRepository } from './consent/repository.ts'
import { createDeviceRepository } from './device/repository.ts'
import { deviceRoutes } from './device/pages.ts'
import { rpLogoutRoutes } from './oauth2/logout.ts'
import { metadataRoutes } from './oauth2/metadata.ts'
import { protectedResourceRoutes } from './oauth2/protected-resource.ts'
import { createTrustProxy } from './http/client-address.ts'
import { createAllowedOrigins } from './clients/allowed-origins.ts'
import { createDocsClient } from './clients/own-clients.ts'
import { oauth2Routes } from './oauth2/routes.ts'
import { accessToken, type AccessTokenPluginOptions } from './plugins/access-token.ts'
import { createCookiePolicy } from './http/cookies.ts'
import { brand } from './plugins/brand.ts'
import { crossOrigin } from './plugins/cross-origin.ts'
import { database } from './plugins/database.ts'
import { dpop } from './plugins/dpop.ts'
import { failureLog } from './plugins/failure-log.ts'
import { gracefulClose } from './plugins/graceful-close.ts'
import { answerUnreadableRequest, handleMalformedRequests } from './plugins/malformed-requests.ts'
import { metrics } from './plugins/metrics.ts'
import { openapi } from './plugins/openapi.ts'
import { problemDetails } from './plugins/problem-details.ts'
import { sendProblem } from './http/problem-details.ts'
import { rateLimits } from './plugins/rate-limit.ts'
import { repeat } from './jobs/repeat.ts'
import { serialization } from './plugins/serialization.ts'
import { validation } from './plugins/validation.ts'
import { requestId, securityHeaders } from './plugins/security-headers.ts'
import { createPersonalTokenRepository } from './personal-tokens/repository.ts'
import { createPageSessions } from './page-sessions/page-sessions.ts'
import { createPageSessionRepository } from './page-sessions/repository.ts'
import { personalTokenRoutes } from './personal-tokens/routes.ts'
import { createPersonalTokens } from './personal-tokens/service.ts'
import { problemRoutes } from './problems/routes.ts'
import { createEventReceivers } from './provider-events/receivers.ts'
import { createProviderEventRepository } from './provider-events/repository.ts'
import { providerEventRoutes } from './provider-events/routes.ts'
import { providerClients } from './providers/plugin.ts'
import { createProviders } from './providers/registry.ts'
import { createClientDocuments } from './registration/client-documents.ts'
import { createDynamicClientRepository } from './registration/dynamic-client-repository.ts'
import { registerRoutes } from './registration/register-routes.ts'
import { createThirdPartyClients } from './registration/third-party-clients.ts'
import { createRevocationRepository } from './revocations/repository.ts'
import { revocationRoutes } from './revocations/routes.ts'
import { createResources } from './tokens/resources.ts'
import { createRefreshTokenCodec } from './tokens/refresh-token.ts'
import { createOwnSessionRepository } from './sessions/own-repository.ts'
import { createSessionRepository } from './sessions/repository.ts'
import { logoutRoutes } from './sessions/routes.ts'
import { createSessionService, type SessionService } from './sessions/service.ts'
import { sessionRoutes } from './sessions/session-routes.ts'
import type { Settings } from './settings.ts'
import { createCompletedLogins } from './sign-in/completed-login.ts'
import { createCreationHook, noCreationHook } from './sign-in/creation-hook.ts'
import { ATTEMPT_LIFETIME_SECONDS, createLoginAttempts } from './sign-in/login-attempt.ts'
import { createSignInRepository } from './sign-in/repository.ts'
import { signInRoutes } from './sign-in/routes.ts'
import { createSignInService } from './sign-in/service.ts'
import { createSignIn } from './sign-in/sign-in.ts'
import { createUntrustedEmailNotice } from './sign-in/untrusted-emails.ts'
import { createExportRepository } from './users/export-repository.ts'
import { createUserRepository } from './users/repository.ts'
import { userRoutes } from './users/routes.ts'
import { createProviderTokens } from './accounts/provider-tokens.ts'
import { createSealer, type EncryptionKey } from './vault/sealing.ts'
import { createDelivery } from './webhooks/delivery.ts'
import { createDeliveryRepository } from './webhooks/delivery-repository.ts'
import { createEndpointRepository } from './webhooks/endpoint-repository.ts'
import { createLogoutDelivery } from './webhooks/logout-delivery.ts'
import { createLogoutRepository } from './webhooks/logout-repository.ts'
import { createWebhookService } from './webhooks/service.ts'

/** Settings with nothing left open: a database that is there, and keys. */
export type AppSettings = Settings & { databaseUrl: string, encryptionKeys: EncryptionKey[] }

/** Another Fastify app, which has the server and passes requests on to this one (packages/server). */
export interface Host {
  log: FastifyBaseLogger
  /** The host's id of a request. */
  requestId: (request: IncomingMessage) => unknown
}

/** What a host's own routes need. */
export interface ForHost {
  users: Pick<AdminUserRepository, 'find' | 'findByEmail'>
  sessions: Pick<SessionService, 'isActive'>
  accessTokens: AccessTokenPluginOptions
}

declare module 'fastify' {
  interface FastifyInstance { forHost: ForHost }
}

const HALF_A_MINUTE_MS = 30_000

/**
 * Builds the whole service, ready to listen, to be injected into, or to be passed requests by a `host`. Reads top to
 * bottom. The database must be migrated once `migrated` resolves: the first statement waits for that, and the rest is
 * put together meanwhile.
 */
export async function buildApp (
  settings: AppSettings,
  logger: FastifyServerOptions['logger'] = false,
  migrated: Promise<unknown> = Promise.resolve(),
  host?: Host
): Promise<FastifyInstance> {
  const { issuerUrl } = settings
  useForwardProxy(settings)
  // Loaded only where traces are wanted: they take memory, and time at start. A process has one tracer: the host's.
  const traces = host ? undefined : settings.traces
  const tracing = traces && (await import('./tracing/tracing.ts')).startTracing(traces)
  const rewriteUrl = stripIssuerPath(issuerUrl)
  const ownLogger = tracing && typeof logger === 'object' ? { ...logger, mixin: tracing.logFields } : logger
  const app: FastifyInstance = Fastify({
    ...host ? { loggerInstance: host.log } : { logger: ownLogger },
    genReqId: (request) => requestId(host ? host.requestId(request) : request.headers['x-request-id']),
    ...rewriteUrl === undefined ? {} : { rewriteUrl },
    trustProxy: settings.trustProxy && createTrustProxy(settings.trustProxy),
    bodyLimit: 64 * 1024,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    return503OnClosing: true,
    routerOptions: { maxParamLength: 640 },
    frameworkErrors: (_error, request, reply) => {
      sendProblem(issuerUrl, request, reply, new Problem('validation_failed', 'The URL could not be read.'))
    },
    clientErrorHandler: answerUnreadableRequest,
    http: { requireHostHeader: false }
  })

  // A page of another site can send text/plain without a CORS preflight.
  app.removeContentTypeParser('text/plain')

  // What every route shares.
  if (tracing) await app.register(tracing.plugin)
  await app.register(gracefulClose)
  await app.register(failureLog)
  await app.register(validation)
  await app.register(serialization)
  await app.register(securityHeaders, { https: issuerUrl.startsWith('https:') })
  await app.register(handleMalformedRequests)
  await app.register(rateLimits, { enabled: settings.rateLimits, redisUrl: settings.redisUrl })
  await app.register(brand, {
    issuerUrl,
    appName: settings.appName,
    logoUrl: settings.logoUrl,
    privacyUrl: settings.privacyUrl,
    termsUrl: settings.termsUrl
  })
  await app.register(problemDetails, { issuerUrl })
  await app.register(database, {
    url: settings.databaseUrl,
    poolSize: settings.databasePoolSize,
    tracer: tracing?.tracer
  })
  await app.register(jobRunner, { databaseUrl: settings.databaseUrl, prisma: app.database.prisma })
  await app.register(cookie)
  const clientRepository = createClientRepository(app.database)
  const allowedOrigins = createAllowedOrigins(settings, clientRepository)
  await app.register(crossOrigin, { issuerUrl, allowedOrigins })
  await app.register(openapi, { issuerUrl })
  await app.register(metrics)

  // The services, from the inside out.
  const { encryptionKeys } = settings
  const signInRepository = createSignInRepository(app.database)
  const allowPrivate = settings.webhookAllowPrivateAddresses
  const readDocument = createDocumentReader({ allowPrivate })
  const assertions = createClientAssertions({
    issuerUrl,
    keys: createAssertionKeys(readDocument),
    spend: signInRepository.spendState,
    onUnreadableKeys: (clientId, { message }) => app.log.warn({ clientId, reason: message }, 'no keys of a client')
  })
  const dynamicClients = createDynamicClientRepository(app.database)
  const thirdParties = createThirdPartyClients({
    registration: settings.registration,
    documents: createClientDocuments({ allowPrivate }),
    dynamicClients,
    allowPrivate
  })
  const ownClients = [createDocsClient(settings)]
  const clients = createClients(settings.clients, clientRepository, assertions, thirdParties, ownClients)
  const keys = createKeyService({
    repository: createKeyRepository(app.database),
    sealer: createSealer(encryptionKeys, 'signing-key'),
    algorithm: settings.signingAlgorithm,
    idTokenAlgorithms: clients.idTokenAlgorithms,
    rotationSeconds: settings.signingKeyRotationSeconds,
    tokenSeconds: settings.accessTokenSeconds,
    sessionSeconds: settings.sessionSeconds,
    replaceUnusable: !settings.production
  })
  const keysAreRead = migrated.then(() =>
    retryUntilAvailable(async () => {
      await app.database.clock.synchronize()
      await keys.maintain()
    })
  )
  keysAreRead.catch(() => {}) // Waited for below, with its failure.
  const resources = createResources(settings.resources)
  const accessTokens = createAccessTokens(keys, {
    issuer: issuerUrl,
    audience: settings.tokenAudience,
    lifetimeSeconds: settings.accessTokenSeconds,
    type: settings.accessTokenType,
    ownClaims: settings.tokenClaims && compileClaims(settings.tokenClaims)
  })
  const idTokenClaims = settings.idTokenClaims && compileClaims(settings.idTokenClaims)
  const withMetadata = [settings.tokenClaims, settings.idTokenClaims].some((claims) => claims && usesMetadata(claims))
  const idleSeconds = settings.refreshTokenSeconds
  const sessions = createSessionService({
    repository: createSessionRepository(app.database, { withMetadata }),
    codec: createRefreshTokenCodec(encryptionKeys),
    accessTokens,
    idToken: createIdTokens(keys, {
      issuer: issuerUrl,
      lifetimeSeconds: settings.accessTokenSeconds,
      algorithm: settings.signingAlgorithm,
      ownClaims: idTokenClaims
    }),
    resources,
    idleSeconds,
    reuseGraceSeconds: settings.refreshReuseGraceSeconds,
    onRefresh: app.metrics.refresh,
    onRepeatElsewhere: app.metrics.repeatElsewhere
  })
  const personalTokenRepository = createPersonalTokenRepository(app.database)
  const personalTokens = createPersonalTokens({ repository: personalTokenRepository, accessTokens, resources })
  const users = createUserRepository(app.database)
  const audit = createAuditRepository(app.database)
  const providers = createProviders(settings.providers)
  // @fastify/oauth2, once for each provider: app.github, app.google, ...
  await app.register(providerClients, { providers })
  app.metrics.watch({ providers, signingSince: keys.signingSince })
  const cookies = createCookiePolicy(issuerUrl, {
    attemptSeconds: ATTEMPT_LIFETIME_SECONDS,
    refreshTokenSeconds: settings.refreshTokenSeconds,
    sessionSeconds: settings.sessionSeconds
  })
  const attempts = createLoginAttempts(createSealer(encryptionKeys, 'pending-login'), cookies)
  const visitSealer = createSealer(encryptionKeys, 'device-visit')
  const pageSessions = createPageSessions({
    repository: createPageSessionRepository(app.database, { idleSeconds }),
    sealer: createSealer(encryptionKeys, 'page-session'),
    cookies
  })
  const consentSealer = createSealer(encryptionKeys, 'consent-visit')
  const consents = createConsentRepository(app.database)
  const completedLogins = createCompletedLogins(createSealer(encryptionKeys, 'completed-login'), cookies)
  const devices = createDeviceRepository(app.database)
  const vault = createProviderTokens(createSealer(encryptionKeys, 'provider-tokens'))
  const revokeGrant = createGrantRevocation({
    jobs: app.jobs,
    providers,
    tokens: vault,
    sealer: createSealer(encryptionKeys, 'revocation')
  })
  const accounts = createAccountService({
    accounts: createAccountRepository(app.database, revokeGrant, settings),
    linkCodes: createLinkCodeRepository(app.database),
    providerTokens: createProviderTokenRepository(app.database),
    providers,
    tokens: vault,
    linkSealer: createSealer(encryptionKeys, 'link'),
    poolSize: settings.databasePoolSize
  })
  const adminUsers = createAdminUserRepository(app.database)
  const webhookStore = {
    endpoints: createEndpointRepository(app.database),
    deliveries: createDeliveryRepository(app.database),
    sealer: createSealer(encryptionKeys, 'webhook-secret'),
    allowPrivate
  }
  const delivery = createDelivery({ ...webhookStore, findUser: adminUsers.find, log: app.log })
  const webhooks = createWebhookService({ ...webhookStore, delivery })
  const logouts = createLogoutDelivery({
    deliveries: createLogoutRepository(app.database),
    clients,
    logoutToken: createLogoutTokens(keys, issuerUrl),
    allowPrivate,
    log: app.log
  })
  const onHookError = (reason: string) => app.log.warn({ reason }, 'before.user.created was not answered')
  const mayCreate = settings.creationHook
    ? createCreationHook({ ...settings.creationHook, onError: onHookError })
    : noCreationHook
  const signIn = createSignInService({
    providers,
    attempts,
    repository: signInRepository,
    signIn: createSignIn({
      repository: signInRepository,
      providerTokens: vault,
      policy: settings,
      mayCreate,
      onIdentified: createUntrustedEmailNotice(settings.providers, app.log)
    }),
    users,
    sessions,
    accounts,
    audit,
    idleSeconds,
    maximumSeconds: settings.sessionSeconds,
    onStage: app.metrics.login,
    onAuditFailure: (error) => app.log.error({ err: error }, 'an audit event was lost')
  })

  // The routes. `requireBearer` stands in the scope of each feature that needs it.
  await app.register(dpop, { issuerUrl })
  const accessTokenOptions: AccessTokenPluginOptions = {
    keys,
    issuer: issuerUrl,
    audience: settings.tokenAudience,
    resources: settings.resources.map(({ resource }) => resource),
    accessTokenType: settings.accessTokenType,
    isThirdParty: clients.isThirdParty
  }
  await app.register(accessToken, accessTokenOptions)
  app.decorate('forHost', { users: adminUsers, sessions, accessTokens: accessTokenOptions })
  await app.register(favicon)
  await app.register(homeRoutes, { issuerUrl, providers, users })
  await app.register(healthRoutes, {
    checks: {
      // Changes nothing, and fails at a server that takes no writes: a standby is not ready.
      database: async () => {
        await app.database.prisma.$executeRaw`DELETE FROM spent_states WHERE false`
      },
      keys: async () => {
        if (keys.publicKeys().length === 0) throw new Error('no signing keys')
      }
    }
  })
  await app.register(problemRoutes, { issuerUrl })
  await app.register(keyRoutes, { keys })
  await app.register(metadataRoutes, { issuerUrl, keys, resources, registration: settings.registration })
  await app.register(protectedResourceRoutes, { issuerUrl })
  // Only these accept forms beside JSON.
  await app.register(async (forms) => {
    await forms.register(formbody)
    await forms.register(signInRoutes, {
      issuerUrl,
      providers,
      signIn,
      attempts,
      cookies,
      visitSealer,
      consentSealer,
      completedLogins,
      allowedOrigins,
      pageSessions,
      accountUrl: `${issuerUrl}/account`
    })
    await forms.register(authorizeRoutes, { issuerUrl, clients, providers, signIn, attempts, cookies, resources })
    await forms.register(consentRoutes, { issuerUrl, consents, clients, users, resources, cookies, consentSealer })
    await forms.register(oauth2Routes, {
      issuerUrl,
      sessions,
      signIn,
      accessTokens,
      personalTokens,
      clients,
      clientTokens: createClientTokenRepository(app.database),
      devices,
      users,
      cookies,
      allowedOrigins,
      resources,
      ownClaims: idTokenClaims
    })
    await forms.register(deviceRoutes, {
      issuerUrl,
      devices,
      clients,
      providers,
      signIn,
      attempts,
      cookies,
      visitSealer
    })
    await forms.register(accountPages, {
      issuerUrl,
      pageSessions,
      accessTokens,
      providers,
      signIn,
      attempts,
      cookies,
      clients,
      resources,
      linkSealer: createSealer(encryptionKeys, 'pending-link')
    })
    await forms.register(adminPages, { issuerUrl, pageSessions, accessTokens, providers })
    await forms.register(rpLogoutRoutes, { issuerUrl, sessions, clients, cookies, pageSessions })
  })
  // What Apple, Google, Facebook and GitHub report about accounts, for those that are enabled.
  await app.register(providerEventRoutes, {
    issuerUrl,
    receivers: createEventReceivers(settings.providers, providers),
    events: createProviderEventRepository(app.database, { deletions: settings.providerDeletions })
  })
  await app.register(logoutRoutes, { sessions, cookies, allowedOrigins })
  const exports = createExportRepository(app.database, { idleSeconds })
  await app.register(userRoutes, { users, sessions, audit, exports })
  const ownSessions = createOwnSessionRepository(app.database, { idleSeconds })
  await app.register(sessionRoutes, { ownSessions, sessions })
  await app.register(personalTokenRoutes, {
    repository: personalTokenRepository, personalTokens, sessions, resources
  })
  await app.register(grantRoutes, { consents, sessions, resources })
  if (settings.registration.includes('dynamic')) await app.register(registerRoutes, { dynamicClients })
  await app.register(deletionRoutes, { accounts, sessions })
  await app.register(accountRoutes, { accounts, users, sessions })
  await app.register(adminRoutes, {
    users, adminUsers, accounts, clients, clientRepository, resources, keys, audit, webhooks
  })
  await app.register(revocationRoutes, {
    revocations: createRevocationRepository(app.database),
    clients,
    accessTokenSeconds: settings.accessTokenSeconds
  })

  await keysAreRead

  // What goes on in the background.
  repeat(app, 'read the signing keys', HALF_A_MINUTE_MS, () => keys.reload())
  repeat(app, "read the database's time", 2 * HALF_A_MINUTE_MS, () => app.database.clock.synchronize())
  app.jobs.everyMinute('rotate-keys', () => keys.maintain())
  const { auditRetentionSeconds } = settings
  app.jobs.everyMinute('purge', () => purgeExpired(app.database, { auditRetentionSeconds }))
  app.jobs.everyMinute('deliver-due-webhooks', () => delivery.beginDue())
  app.jobs.work('deliver-webhooks', async (job) => {
    const { endpointId, userId } = job as { endpointId: string, userId: string }
    delivery.begin(endpointId, userId)
  })
  app.jobs.everyMinute('deliver-due-logouts', () => logouts.beginDue())
  app.jobs.work('deliver-logouts', async (job) => {
    const { clientId, userId } = job as { clientId: string, userId: string }
    logouts.begin(clientId, userId)
  })
  app.addHook('preClose', () => delivery.close())
  app.addHook('preClose', () => logouts.close())
  return app
}
