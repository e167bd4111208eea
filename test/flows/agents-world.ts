import type { Test } from 'tap'
import { createBrowser, type Browser, type BrowserResponse } from '../fakes/browser.ts'
import { startFakeDocument } from '../fakes/client-document.ts'
import { readJson } from '../helper.ts'
import { AS_WEB, setupWithClients, type Parameters } from './setup-with-clients.ts'

export const NOTES = 'https://notes.example.com/api'
export const MAPS = 'https://maps.example.com'
export const RESOURCES = [
  {
    resource: NOTES,
    name: 'Notes',
    scopes: ['notes:read', 'notes:write'],
    scope_descriptions: { 'notes:read': 'Read your notes', 'notes:write': 'Write and delete notes' }
  },
  { resource: MAPS, name: 'Maps', scopes: ['maps:read'] }
]

/** A Signet that takes clients which nobody registered, and one such client with a document of its own. */
export async function setupWithAgents (t: Test, environment: Record<string, string> = {}) {
  const document = await startFakeDocument()
  t.teardown(() => document.close())
  const world = await setupWithClients(t, {
    REGISTRATION: 'metadata-documents, dynamic', RESOURCES: JSON.stringify(RESOURCES), ...environment
  })
  const { url, origin, request, token, post } = world
  const redirectUri = `${document.origin}/callback`

  /** The request of the client with the document, with parameters in place of the usual ones. */
  const agentRequest = (more: Parameters = {}) => request({
    client_id: document.url, redirect_uri: redirectUri, resource: NOTES, scope: 'openid notes:read', ...more
  })

  /** From the request to the consent page, or to where the browser is sent without one. */
  async function visit (more: Parameters = {}, browser: Browser = createBrowser(url), path?: string) {
    const { codeVerifier, path: own } = agentRequest(more)
    const callback = await browser.login(path ?? own)
    const page = callback.location?.startsWith(`${url}/oauth2/consent`)
      ? await browser.get(callback.location)
      : callback
    return { browser, page, codeVerifier, id: requestId(page) }
  }

  const answer = (browser: Browser, id: string, decision: string, headers: Record<string, string> = { origin }) =>
    browser.post('/oauth2/consent', { form: { request: id, decision }, headers })

  /** The whole way to a code. */
  async function consent (more: Parameters = {}, browser: Browser = createBrowser(url)) {
    const { page, codeVerifier, id } = await visit(more, browser)
    const answered = page.status === 200 ? await answer(browser, id, 'allow') : page
    const location = new URL(answered.location ?? '')
    return { location, code: location.searchParams.get('code') ?? '', codeVerifier, wasAsked: page.status === 200 }
  }

  /** The whole way to tokens: the response of the token endpoint. */
  async function signInAgent (more: Parameters = {}, form: Record<string, string> = {}) {
    const { code, codeVerifier } = await consent(more)
    return await token({
      grant_type: 'authorization_code',
      code,
      code_verifier: codeVerifier,
      client_id: more['client_id'] ?? document.url,
      redirect_uri: more['redirect_uri'] ?? redirectUri,
      ...form
    })
  }

  const refreshAgent = (refreshToken: string, more: Record<string, string> = {}) =>
    token({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: document.url, ...more })

  async function register (metadata: unknown) {
    const response = await fetch(`${url}/oauth2/register`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(metadata)
    })
    return { status: response.status, headers: response.headers, body: await readJson(response) }
  }

  const introspect = async (accessToken: string) =>
    (await post('/oauth2/introspect', { token: accessToken, ...AS_WEB })).body

  return {
    ...world,
    document,
    redirectUri,
    agentRequest,
    visit,
    answer,
    consent,
    signInAgent,
    refreshAgent,
    register,
    introspect
  }
}

/** The id in the form of a consent page; empty on another page. */
function requestId ({ text }: BrowserResponse): string {
  return /name="request" value="([\w-]+)"/.exec(text)?.[1] ?? ''
}
