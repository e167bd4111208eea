import { EVENTS } from './events.ts'
import { personas, type Persona } from './personas.ts'

const STYLE = `
  :root {
    color-scheme: light dark;
    --paper: #fbfaf7; --card: #fff; --ink: #1c1b19; --soft: #5d5952; --line: #d6d1c7; --mark: #0b57d0;
    --note: #fdf0c8; --on-note: #4a3800
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --paper: #161513; --card: #211f1c; --ink: #efece6; --soft: #b3ada2; --line: #45413a; --mark: #9ec1ff;
      --note: #3d3209; --on-note: #fbe9a9
    }
  }
  * { box-sizing: border-box }
  body {
    margin: 0; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
    font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere
  }
  main { max-width: 44rem; margin: 0 auto }
  h1 { margin: 1rem 0 .5rem; font-size: 1.6rem; line-height: 1.25 }
  h2 { margin: 2rem 0 .75rem; font-size: 1.1rem }
  p { margin: .5rem 0 }
  a { color: var(--mark) }
  code { font: .875em ui-monospace, monospace }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0 }
  dt { color: var(--soft) }
  dd { margin: 0 }
  .notice { margin: 0; padding: .5rem .75rem; border-radius: .5rem; background: var(--note); color: var(--on-note) }
  .personas {
    display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .75rem;
    margin: 0; padding: 0; list-style: none
  }
  .persona {
    display: flex; flex-direction: column; width: 100%; height: 100%; padding: .75rem 1rem;
    border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: inherit;
    font: inherit; text-align: start
  }
  button.persona { cursor: pointer }
  button.persona:hover { border-color: var(--mark) }
  :focus-visible { outline: 3px solid var(--mark); outline-offset: 2px }
  .persona span { display: block }
  .name { font-weight: 600 }
  .name code { float: inline-end; margin-inline-start: .5rem; font-weight: 400; color: var(--soft); line-height: 1.7 }
  .lesson { margin-top: .15rem; color: var(--soft); font-size: .9375rem }
  form { margin: 0; height: 100% }
  .event { display: flex; flex-wrap: wrap; gap: .75rem; height: auto }`

export interface SignInRequest {
  clientId: string
  redirectUri: string
  scope: string
}

/** The page in place of a password: one button a persona, each the submit button of a form of its own. */
export function personaPage (request: SignInRequest): string {
  const button = (persona: Persona) => `<form method="post">
      <button class="persona" type="submit" name="persona" value="${escape(persona.id)}">${card(persona)}</button>
    </form>`
  return page(
    'Sign in as',
    `
    <h1>Who do you want to sign in as?</h1>
    <dl>
      <dt>Application</dt><dd>${escape(request.clientId)}</dd>
      <dt>Asks for</dt><dd>${escape(request.scope || 'nothing')}</dd>
      <dt>Returns to</dt><dd>${escape(request.redirectUri)}</dd>
    </dl>
    ${personaLists(button)}`
  )
}

/** The page at the issuer's own address. */
export function homePage (issuer: string): string {
  return page(
    'Development identity provider',
    `
    <h1>The identity provider is running</h1>
    <p>Start a login in your application, and it will send you here to pick one of these. A script skips the page with
    <code>login_hint</code>, for instance <code>login_hint=verified</code>.</p>
    <p>Issuer: <code>${escape(issuer)}</code> (<a href="/.well-known/openid-configuration">discovery document</a>)</p>
    ${personaLists((persona) => `<div class="persona">${card(persona)}</div>`)}
    <h2>Tell the application what happened to an account</h2>
    <form class="event" method="post" action="/events">
      <label>Account <select name="persona">${personas.map(({ id }) => option(id)).join('')}</select></label>
      <label>Event <select name="event">${EVENTS.dev.map(option).join('')}</select></label>
      <button type="submit">Send</button>
    </form>
    <p>A script posts <code>persona</code> and <code>event</code> to <code>/events</code>, and <code>kind</code>:
    ${Object.keys(EVENTS).map((kind) => `<code>${kind}</code>`).join(', ')}.</p>`
  )
}

/** How the application answered an event. */
export function sentPage (event: string, url: string, status: number | undefined, answer: string): string {
  return page(
    'Event',
    `
    <h1>The application ${status === undefined ? 'did not answer' : `answered ${status}`}</h1>
    <p><code>${escape(event)}</code> was sent to <code>${escape(url)}</code>.</p>
    <p><code>${escape(answer.slice(0, 1000))}</code></p>
    <p><a href="/">Back</a></p>`
  )
}

function option (value: string): string {
  return `<option>${escape(value)}</option>`
}

/** Why a request could not be sent back to the application that made it. */
export function errorPage (error: string, description: string): string {
  return page(
    'Sign-in failed',
    `
    <h1>This sign-in cannot go on</h1>
    <p>${escape(description)}</p>
    <p>Error: <code>${escape(error)}</code></p>
    <p>Go back to your application and start again.</p>`
  )
}

function personaLists (item: (persona: Persona) => string): string {
  const fails = (persona: Persona) => Boolean(persona.refuses ?? persona.tokenEndpoint)
  const list = (members: Persona[]) =>
    `<ul class="personas">${members.map((persona) => `<li>${item(persona)}</li>`).join('\n')}</ul>`
  return `
    <h2>The login succeeds</h2>
    ${list(personas.filter((persona) => !fails(persona)))}
    <h2>Something goes wrong</h2>
    ${list(personas.filter(fails))}`
}

function card ({ id, name, lesson }: Persona): string {
  return `<span class="name">${escape(name)} <code>${escape(id)}</code></span>
    <span class="lesson">${escape(lesson)}</span>`
}

function page (title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="robots" content="noindex">
  <title>${escape(title)} - development identity provider</title>
  <link rel="icon" href="data:,">
  <style>${STYLE}</style>
</head>
<body>
  <main>
    <p class="notice"><strong>Development identity provider.</strong>
    No passwords, and no real accounts: anyone can be anyone.</p>${content}
  </main>
</body>
</html>
`
}

function escape (text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
