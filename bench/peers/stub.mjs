// A provider that costs next to nothing: a code is a person, and so is a token.
import { createServer } from 'node:http'

createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  if (request.url === '/ready') return response.end('{"status":"ok"}')
  if (request.url === '/me') {
    const person = request.headers.authorization.slice('Bearer '.length)
    return response.end(`{"id":"${person}","name":"Person ${person}","email":"${person}@example.com","email_verified":true,"emailVerified":true}`)
  }
  let body = ''
  request.on('data', (chunk) => { body += chunk })
  request.on('end', () => response.end(`{"access_token":"${new URLSearchParams(body).get('code')}","token_type":"Bearer","expires_in":3600,"scope":"openid"}`))
}).listen(Number(process.env.PORT), '127.0.0.1')
