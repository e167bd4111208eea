// An MCP server of your own. MCP clients find Signet by its metadata, and people allow them what the tools need.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import process from 'node:process'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { protectedResource } from 'signet-verify'
import { z } from 'zod'

const {
  ISSUER = 'http://localhost:3000',
  HOST = '127.0.0.1',
  PORT = '4100',
  RESOURCE = `http://localhost:${PORT}/mcp`,
  CLIENT_ID,
  CLIENT_SECRET,
  POLL_SECONDS = '5'
} = process.env

/** What each tool needs. Clients ask for `notes:read` at first, and for more when a tool needs it. */
const SCOPES = { read_notes: ['notes:read'], write_note: ['notes:write'] }

const notes = protectedResource({
  issuer: ISSUER,
  resource: RESOURCE,
  scopes: SCOPES.read_notes,
  name: 'Notes',
  // With the id and secret of a confidential client it hears of what was taken back; without, a token is good until it
  // expires.
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  pollSeconds: Number(POLL_SECONDS),
  onError: (error) => console.error(error)
})

const notesByUser = new Map()

/** The tools of one user. */
function createMcpServer (userId) {
  const server = new McpServer({ name: 'notes', version: '0.1.0' })
  const own = () => notesByUser.get(userId) ?? ['Buy milk']
  const text = (text) => ({ content: [{ type: 'text', text }] })
  server.registerTool('read_notes', { description: 'All notes of the user' }, async () => text(own().join('\n')))
  server.registerTool('write_note', {
    description: 'Adds a note', inputSchema: { note: z.string().max(1000) }
  }, async ({ note }) => {
    notesByUser.set(userId, [...own(), note])
    return text('Written')
  })
  return server
}

/** The scopes of the tools that a message calls. */
function scopesOf (message) {
  const calls = [message].flat().filter((each) => each?.method === 'tools/call')
  const needed = calls.flatMap(({ params }) => Object.hasOwn(SCOPES, params?.name) ? SCOPES[params.name] : [])
  return [...new Set(needed.length > 0 ? needed : SCOPES.read_notes)]
}

const server = createServer(async (request, response) => {
  if (notes.serveMetadata(request, response)) return
  if (request.url !== new URL(RESOURCE).pathname) return response.writeHead(404).end()
  try {
    const message = request.method === 'POST' ? await json(request) : undefined
    const claims = await notes.authorize(request, response, ...scopesOf(message))
    if (!claims) return
    // Without sessions: each request stands for itself.
    if (request.method !== 'POST') return response.writeHead(405, { allow: 'POST' }).end()
    const mcp = createMcpServer(claims.sub)
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    response.on('close', () => Promise.all([transport.close(), mcp.close()]))
    await mcp.connect(transport)
    await transport.handleRequest(request, response, message)
  } catch (error) {
    console.error(error)
    if (!response.headersSent) response.writeHead(400).end()
  }
})

server.listen(Number(PORT), HOST, () => console.log(`Server listening at ${RESOURCE}`))
