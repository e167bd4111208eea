/** `npm run provider-docs`: writes docs/providers.md from the providers' own files; a test proves that both agree. */
import { writeFile } from 'node:fs/promises'
import { emailTrust } from '../src/providers/email-trust.ts'
import type { ProviderDefinition } from '../src/providers/provider.ts'
import { BUILT_IN_PROVIDERS } from '../src/providers/registry.ts'
import { PRODUCTS, type Product } from './provider-products.ts'
import { wrapMarkdown } from './wrap-markdown.ts'

const HEAD = `# Providers

Made from \`src/providers/\` by \`npm run provider-docs\`. The callback URLs are those of a Signet at
http://localhost:3000; in production they begin with your \`ISSUER_URL\`. \`npm run doctor\` prints yours, and tells
whether the provider knows your credentials.

Every provider takes \`<PROVIDER>_CLIENT_ID\` and \`<PROVIDER>_CLIENT_SECRET\`, \`_SCOPE\` (replaces the scopes), and
\`_AUTHORIZATION_URL\`, \`_TOKEN_URL\`, \`_API_URL\`, \`_ISSUER\`, \`_JWKS_URL\` for self-hosted editions and tests.
Those with ID tokens take \`_NATIVE_CLIENT_IDS\`, the client ids of your apps, for native sign-in, and
\`_NATIVE_NONCE=optional\` for an SDK that chooses a nonce without telling the app: an ID token with a nonce is then
accepted from an app that sends none. Each still works once.

**What Signet stores** of each: the subject, user name, email and whether its verification is believed, name, address of
the picture, locale, the granted scope, and the provider's tokens, sealed (\`POST /me/accounts/:id/token\` lends them to
your client, by the scope \`provider_token\`). Never the profile itself.

## Whose word on email is believed

An address that is believed may fill the user's email and join accounts; any other stays on its account.

| provider | believed when |
| --- | --- |
`

const TAIL = `
## What providers report later

A person removes your app at the provider, the provider suspects that an account was taken over, or the account is
deleted: Apple, Google, Facebook and GitHub say so at the URLs for events above, which exist for the enabled providers.
Each report is verified (signature, issuer, audience, at most a day old), takes effect once on whichever instance, and
is an audit event and a webhook, \`provider.event\`.

- Apple's \`consent-revoked\`, Google's \`sessions-revoked\`, \`tokens-revoked\`, \`account-disabled\` and
  \`account-credential-change-required\`, Facebook's deauthorization, GitHub's \`github_app_authorization\`: the
  sessions that were opened through the account end, and its provider tokens are forgotten.
- Apple's \`account-delete\`, \`account-purged\` of RISC, Facebook's data deletion: the account goes, and the user with
  it if it was the last one. With \`PROVIDER_DELETIONS=keep\` only the sessions end, as they do for a user whom an
  administrator disabled.
- Apple's \`email-disabled\` and \`email-enabled\`, Google's \`account-disabled\` and \`account-enabled\`: noted on the
  account (\`GET /me/export\`, \`emailDisabledAt\` and \`disabledByProviderAt\`).
- Google's \`verification\`: answered.

GitHub signs neither a time nor the id of a delivery: whoever has a copy of a signed delivery can end that person's
sessions again. \`npm run dev\` has an identity provider at http://localhost:4400 whose page sends such reports.

## Any other

- **An OpenID Connect issuer**: \`OIDC_PROVIDERS=acme\` with \`OIDC_ACME_ISSUER\`, \`OIDC_ACME_CLIENT_ID\`,
  \`OIDC_ACME_CLIENT_SECRET\`. Callback: \`http://localhost:3000/login/acme/callback\`. Its word on email is believed
  with \`OIDC_ACME_EMAIL_TRUSTED=true\`, and then only a boolean \`email_verified\`. **Without it its people get no
  email in Signet**: the address stays on the account. The log says so at the first such login. With
  \`OIDC_ACME_EVENTS=true\` it sends the security events that Google does (RFC 8417 by RFC 8935) to
  \`http://localhost:3000/login/acme/events\`.
- **A plain OAuth 2.0 provider**: \`OAUTH_PROVIDERS=acme\` with \`OAUTH_ACME_AUTHORIZATION_URL\`, \`_TOKEN_URL\`,
  \`_PROFILE_URL\`, \`_CLIENT_ID\`, \`_CLIENT_SECRET\`, and JSON pointers to the members of its profile (\`_SUBJECT\`,
  \`_EMAIL\`, \`_EMAIL_VERIFIED\`, \`_DISPLAY_NAME\`, \`_USERNAME\`, \`_PICTURE\`); \`.env.example\` has them all.
- **Both** take \`_AUTHENTICATION\` (\`client_secret_basic\`, \`client_secret_post\`, \`none\`, or \`private_key_jwt\`
  with \`_PRIVATE_KEY\` in place of the secret; the assertion's audience is the token endpoint), \`_REVOCATION_URL\`,
  and \`_ALLOW_HTTP=true\` for URLs on a private network that no browser opens.

## Products that are OpenID Connect issuers

Each of these is \`OIDC_PROVIDERS=<id>\` with \`OIDC_<ID>_CLIENT_ID\` and \`OIDC_<ID>_CLIENT_SECRET\`, and the callback
URL \`http://localhost:3000/login/<id>/callback\`. Without \`_EMAIL_TRUSTED=true\` its people get no email in Signet.
`

export function providerDocs (): string {
  const trust = BUILT_IN_PROVIDERS.map(({ id, name }) => `| ${name} | ${emailTrust(id).rule} |`).join('\n')
  return `${HEAD}${trust}\n${BUILT_IN_PROVIDERS.map(section).join('')}${TAIL}${PRODUCTS.map(product).join('')}`
}

function section ({
  id,
  name,
  console: where,
  scope,
  documentation,
  quirks,
  events = [],
  settings = {},
  insteadOfSecret = []
}: ProviderDefinition): string {
  const prefix = id.toUpperCase()
  const secret =
    insteadOfSecret.length === 0
      ? `\`${prefix}_CLIENT_SECRET\``
      : `\`${prefix}_CLIENT_SECRET\` or ${insteadOfSecret.map((one) => `\`${prefix}_${one}\``).join(', ')}`
  const own = Object.entries(settings).map(([setting, meaning]) => `- \`${prefix}_${setting}\`: ${meaning}`)
  return [
    `\n## ${name}\n`,
    `- Credentials: ${where}`,
    `- Callback URL: \`http://localhost:3000/login/${id}/callback\``,
    ...events.map(({ path, where }) => `- URL for events: \`http://localhost:3000${path}\`. Enter it at ${where}`),
    `- Settings: \`${prefix}_CLIENT_ID\`, ${secret}`,
    ...own,
    `- Scopes: ${scope.length === 0 ? 'none is asked for' : scope.map((one) => `\`${one}\``).join(', ')}`,
    ...quirks.map((quirk) => `- ${quirk}`),
    `- Its pages: ${documentation.map((url) => `<${url}>`).join(', ')}`,
    ''
  ].map(wrapMarkdown).join('\n')
}

function product ({ id, name, console: where, settings, notes, documentation }: Product): string {
  const lines = [`- Credentials: ${where}`, ...notes.map((note) => `- ${note}`), `- Its pages: <${documentation}>`]
  const block = ['```sh', `OIDC_PROVIDERS=${id}`, ...settings, '```']
  return [`\n### ${name}\n`, ...block, '', ...lines.map(wrapMarkdown), ''].join('\n')
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await writeFile(new URL('../docs/providers.md', import.meta.url), providerDocs())
}
