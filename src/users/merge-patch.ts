type JsonObject = Record<string, unknown>

/** Changes `target` by a JSON Merge Patch (RFC 7396): null takes a member away, an object goes deeper, all else replaces. */
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
