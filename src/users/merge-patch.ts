type JsonObject = Record<string, unknown>

/** Applies a JSON Merge Patch (RFC 7396): null removes a member, an object is merged, any other value replaces. */
export function mergePatch (target: JsonObject, patch: JsonObject): JsonObject {
  const result = { ...target }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else if (!isObject(value)) result[name] = value
    else result[name] = mergePatch(Object.hasOwn(result, name) && isObject(result[name]) ? result[name] : {}, value)
  }
  return result
}

function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
