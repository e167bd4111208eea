// Refreshes before a page is made: pages cannot write the cookie that keeps the new tokens.
export { auth as proxy } from './auth'

export const config = { matcher: ['/'] }
