/**
 * A UUIDv7 (RFC 9562 section 5.7) made in SQL; PostgreSQL has one of its own from version 18 on. `place` is the SQL of a counter
 * within one statement (section 6.2, method 1), so that what was made together sorts in its order.
 */
export const uuidV7 = (place: string) => `encode(overlay(overlay(uuid_send(gen_random_uuid())
  PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6)
  PLACING int2send((28672 + ${place} % 4096)::int2) FROM 7 FOR 2), 'hex')::uuid`
