import { isServerPackage } from './package-root.ts'

/**
 * How an operator starts a tool of this installation: in a checkout, from the build, as in the Docker image, or from
 * the package signet-server, also where that runs inside another app. Arguments follow after a space.
 */
export function commandLine (tool: string): string {
  if (isServerPackage) return `npx signet ${tool}`
  return import.meta.filename.endsWith('.ts') ? `npm run ${tool} --` : `node dist/tools/${tool}.js`
}
