import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { JWK } from 'jose'
import type { DevClient } from './configuration.ts'
import { EVENTS, isEventKind, makeEventRequest } from './events.ts'
import { errorPage, homePage, personaPage, sentPage } from './pages.ts'
import { findPersona, type Persona } from './personas.ts'

type Middleware = Parameters<Provider['use']>[0]
type Context = Parameters<Middleware>[0]

/** Serves `GET /healthz` for health checks, and a description of the provider at `GET /`. */
export function plainPages (provider: Provider): Middleware {
  return async (ctx, next) => {
    if (!['GET', 'HEAD'].includes(ctx.method)) return next()
    if (ctx.path === '/healthz') ctx.body = { status: 'ok' }
    else if (ctx.path === '/') html(ctx, homePage(provider.issuer))
    else return next()
  }
}

/**
 * The persona page: `GET /interaction/:uid` shows it, or signs in at once when the application sent a persona's id as
 * `login_hint`; `POST` with `persona=<id>` signs in.
 */
export function personaInteraction (
  provider: Provider,
  onSignIn: (persona: Persona, clientId: string) => void
): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/') || !['GET', 'POST'].includes(ctx.method)) return next()
    try {
      const { params } = await provider.interactionDetails(ctx.req, ctx.res)
      const choice = ctx.method === 'POST' ? new URLSearchParams(await text(ctx.req)).get('persona') : params.login_hint
      const persona = findPersona(choice)
      if (!persona && ctx.method === 'POST') {
        return html(ctx, errorPage('unknown_persona', `There is no persona "${choice}" here.`), 400)
      }
      if (!persona) {
        return html(
          ctx,
          personaPage({
            clientId: `${params.client_id}`,
            redirectUri: `${params.redirect_uri}`,
            scope: `${params.scope ?? ''}`
          })
        )
      }
      onSignIn(persona, `${params.client_id}`)
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, answerOf(persona)))
      ctx.status = 303
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'SessionNotFound') throw error
      html(ctx, errorPage('expired', 'It is over, too old, or was begun in another browser.'), 400)
    }
  }
}

/**
 * `POST /events` with the form fields `event` and `persona` reports an event about a persona to the first client, as a
 * provider of `kind` does (`dev` by default). `subject` is someone who is no persona, `secret` what the client has as
 * GITHUB_WEBHOOK_SECRET or FACEBOOK_CLIENT_SECRET. The answer tells how the client answered.
 */
export function eventSender (
  issuer: string, key: JWK, { client_id: clientId, client_secret: clientSecret, redirect_uris: uris }: DevClient
): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/events' || ctx.method !== 'POST') return next()
    const form = new URLSearchParams(await text(ctx.req))
    const [kind, event] = [form.get('kind') ?? 'dev', form.get('event') ?? '']
    const subject = form.get('subject') ?? findPersona(form.get('persona'))?.id
    if (!isEventKind(kind) || !EVENTS[kind].some((one) => one === event) || subject === undefined) {
      return html(ctx, errorPage('unknown_event', 'There is no such kind, event or persona here.'), 400)
    }
    const secret = form.get('secret') ?? clientSecret
    const { path, headers, body } = await makeEventRequest(
      { kind, event, subject }, { issuer, clientId, key, secret }
    )
    const url = new URL(path, uris[0])
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual' }).catch(() => undefined)
    ctx.set('cache-control', 'no-store')
    html(ctx, sentPage(event, url.href, response?.status, await response?.text() ?? ''), response?.ok ? 200 : 502)
  }
}

/** Answers every prompt that a client may have asked for, so that none of them asks a second time. */
function answerOf (persona: Persona) {
  if (persona.refuses) return { error: 'access_denied', error_description: `${persona.name} said no` }
  return { login: { accountId: persona.id }, consent: {}, select_account: {} }
}

/**
 * Gives refresh tokens to a client that asks for offline_access without prompt=consent. oidc-provider would drop the
 * scope; OpenID Connect Core section 11 leaves that to the provider, and the everyday ones keep it.
 */
export const offlineAccessWithoutPrompt: Middleware = (ctx, next) => {
  const { scope, prompt } = ctx.query
  if (ctx.path === '/auth' && prompt === undefined && String(scope).split(' ').includes('offline_access')) {
    ctx.query = { ...ctx.query, prompt: 'consent' }
  }
  return next()
}

/**
 * Makes the token endpoint itself misbehave for the personas that want it so. The provider has done its work by then,
 * so the code is spent, as it is when a real one fails on the way out.
 */
export function misbehavingTokenEndpoint (slowMilliseconds: number, closing: AbortSignal): Middleware {
  return async (ctx: Context & Partial<KoaContextWithOIDC>, next) => {
    await next()
    if (ctx.path !== '/token') return
    const persona = findPersona(ctx.oidc?.entities.Account?.accountId)
    if (persona?.tokenEndpoint === 'slow') await sleep(slowMilliseconds, undefined, { signal: closing }).catch(() => {})
    if (persona?.tokenEndpoint === 'breaks') {
      ctx.body = 'Internal Server Error'
      ctx.status = 500
    }
  }
}

function html (ctx: Context, body: string, status = 200): void {
  ctx.status = status
  ctx.type = 'html'
  ctx.body = body
  ctx.set('cache-control', 'no-store')
  ctx.set(
    'content-security-policy',
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
  )
}
