import fp from 'fastify-plugin'
import type { Brand } from '../pages/brand.ts'

export interface BrandOptions {
  issuerUrl: string
  appName: string | undefined
  logoUrl: string | undefined
  privacyUrl: string | undefined
  termsUrl: string | undefined
}

/** `app.brand`: the name and the logo that the pages show, and the links below a sign-in. */
export const brand = fp<BrandOptions>(async (app, { issuerUrl, appName, ...urls }) => {
  const name = appName ?? new URL(issuerUrl).host
  app.decorate('brand', { name, ...urls, iconUrl: `${issuerUrl}/favicon.ico` } satisfies Brand & { iconUrl: string })
}, { name: 'brand' })
