import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript'

const HEADER = '// Written by `npm run client-types`, from /openapi.json of a running Signet. Do not edit.\n\n'

/** TypeScript for the paths and objects of Signet's OpenAPI document, for openapi-fetch and its kind. */
export async function generateClientTypes (document: object): Promise<string> {
  return HEADER + astToString(await openapiTS(document as OpenAPI3))
}
