/**
 * Imports oidc-provider, also on Node 20. It says that it wants Node 22, of which it uses nothing but `URL.parse`; that
 * one is added here and its warning kept quiet. Imported when needed, because a production install does not have it.
 */
export async function loadOidcProvider () {
  const Url: typeof URL & { parse?: (url: string, base?: string) => URL | null } = URL
  Url.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null)

  const { warn } = console
  console.warn = (...line) => {
    if (!String(line[0]).includes('oidc-provider WARNING: Unsupported runtime')) warn(...line)
  }
  try {
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}
