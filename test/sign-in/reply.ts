/** A reply that records the calls of its methods. */
export function createReply () {
  const calls: unknown[][] = []
  const record =
    (name: unknown) =>
      (...args: unknown[]) => {
        calls.push([name, ...args])
        return reply
      }
  // An async function awaits what it returns: a reply is no promise.
  const reply: object = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : record(name)) })
  return { calls, reply: reply as never }
}
