// Nodes that get no mutants, each with the reason that the report shows. The nodes are Babel's.
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/**
 * Members of an OpenAPI document that say what comes out; test/plugins/openapi.test.ts and the flows hold the answers
 * to them.
 */
const PROSE = new Set(['summary', 'description', 'tags', 'response'])
/** The helpers whose first argument is a parameter's description. */
const DESCRIBING = new Set(['Text', 'Parameter'])
/** Errors whose first argument is the message; OAuthError's and Problem's first is the code, the second the message. */
const SAYING = { Error: 0, BadAnswer: 0, BadRedirectUri: 0, OAuthError: 1, Problem: 1 }
const SQL = /\b(SELECT|INSERT|UPDATE|DELETE|WHERE|RETURNING|FROM|IS NULL|AS)\b|^AND s\.|^[us]\.\w+, /

const ignorer = {
  shouldIgnore ({ node, parent, key, listKey, parentPath }) {
    if (node.type === 'ObjectProperty' && PROSE.has(nameOf(node))) return 'documentation for people'
    if (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral') return undefined
    if (parent.type === 'NewExpression' && listKey === 'arguments' && SAYING[parent.callee.name] === key) {
      return 'a message for people'
    }
    const isFirstArgument = parent.type === 'CallExpression' && listKey === 'arguments' && key === 0
    if (isFirstArgument && DESCRIBING.has(parent.callee.name)) return 'documentation for people'
    if (
      parent.type === 'ObjectProperty' &&
      nameOf(parent) === 'name' &&
      parentPath.parent.properties.some((property) => nameOf(property) === 'text')
    ) {
      return "a prepared statement's name: without one PostgreSQL plans each time"
    }
    if (SQL.test(textOf(node))) return 'SQL: without it the statement fails at once'
    return undefined
  }
}

const nameOf = ({ key }) => key?.name ?? key?.value
const textOf = (node) =>
  node.type === 'StringLiteral' ? node.value : node.quasis.map(({ value }) => value.raw).join('?')

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'for-people', ignorer)]
