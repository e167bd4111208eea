import ts from 'typescript'
import { Prisma } from '../../src/database/generated/client.ts'

/** Typed calls of Prisma's client; its raw statements; queries on a connection or pool of pg. */
export type AccessKind = 'typed' | 'raw' | 'pool'

export interface Access {
  kind: AccessKind
  line: number
  /** The named function around it. */
  functionName: string
  /** False for a statement whose rows have no type. */
  hasRowType: boolean
}

const OPERATION = /^(find(First|Unique|Many)|create|update|delete|upsert|count|aggregate|groupBy)/
const RAW = /^\$(query|execute)Raw(Unsafe)?$/
const MODELS = new Set(Object.values(Prisma.ModelName).map((name) => name[0]!.toLowerCase() + name.slice(1)))

/** Where a file of TypeScript reads or writes the database. */
export function findAccesses (text: string): Access[] {
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true)
  const accesses: Access[] = []

  function visit (node: ts.Node): void {
    ts.forEachChild(node, visit)
    if (!ts.isCallExpression(node) && !ts.isTaggedTemplateExpression(node)) return
    const callee = ts.isCallExpression(node) ? node.expression : node.tag
    const kind = ts.isPropertyAccessExpression(callee) ? kindOf(callee) : undefined
    if (!kind) return
    const returnsRows = kind !== 'typed' && !callee.getText().includes('$execute')
    accesses.push({
      kind,
      line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
      functionName: functionAround(node),
      hasRowType: !returnsRows || isRowType(node.typeArguments?.[0])
    })
  }
  visit(source)
  return accesses
}

function kindOf ({ name: { text: method }, expression: target }: ts.PropertyAccessExpression): AccessKind | undefined {
  if (RAW.test(method)) return 'raw'
  if (method === 'query') return 'pool'
  const isModel = ts.isPropertyAccessExpression(target) && MODELS.has(target.name.text)
  return isModel && OPERATION.test(method) ? 'typed' : undefined
}

function isRowType (type: ts.TypeNode | undefined): boolean {
  return type !== undefined && !/\b(any|unknown)\b/.test(type.getText())
}

function functionAround (node: ts.Node): string {
  for (let around = node.parent; around; around = around.parent) {
    const name = functionName(around)
    if (name !== undefined) return name
  }
  return ''
}

function functionName (node: ts.Node): string | undefined {
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) return node.name?.getText()
  if (!ts.isPropertyAssignment(node) && !ts.isVariableDeclaration(node)) return undefined
  return node.initializer && ts.isArrowFunction(node.initializer) ? node.name.getText() : undefined
}
