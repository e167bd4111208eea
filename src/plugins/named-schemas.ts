interface Document { paths?: object, components?: { schemas?: Record<string, unknown> } }

/**
 * The OpenAPI document with every schema that has a name for its title in `components`, and a reference in its place.
 * Problems alone would be three quarters of the document, which Swagger UI takes twice as long to show; and types
 * generated from it have names.
 */
export function nameSchemas<T extends Document> ({ paths, components = {}, ...document }: T) {
  const schemas: Record<string, unknown> = { ...components.schemas }

  function name (value: unknown): unknown {
    if (Array.isArray(value)) return value.map(name)
    if (typeof value !== 'object' || value === null) return value
    const named = Object.fromEntries(Object.entries(value).map(([key, member]) => [key, name(member)]))
    const { title } = named
    if (typeof title !== 'string' || !/^[A-Z]\w*$/.test(title)) return named
    schemas[title] ??= named
    const isTheSame = JSON.stringify(schemas[title]) === JSON.stringify(named)
    return isTheSame ? { $ref: `#/components/schemas/${title}` } : named
  }

  return { ...document, paths: name(paths) as object, components: { ...components, schemas } }
}
