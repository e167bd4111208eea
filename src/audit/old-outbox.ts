import { uuidV7 } from '../database/uuid-v7.ts'

/** What of an event's details goes into a webhook: ids and codes, nothing personal. The rest is read when it is sent. */
const DETAILS = `jsonb_strip_nulls(jsonb_build_object(
  'accountId', details->'accountId', 'sessionId', details->'sessionId', 'provider', provider, 'reason', details->'reason'))`

/** In the words of src/webhooks/message.ts. What one change tells of a user in several events is told once. */
const TOLD = (userId: string) => `
  SELECT min(place) AS place, user_id, type, details FROM (
    SELECT row_number() OVER () AS place, ${userId} AS user_id, ${DETAILS} AS details,
      CASE WHEN type IN ('user.roles_changed', 'user.disabled', 'user.enabled') THEN 'user.updated' ELSE type END AS type
    FROM events) AS event
  WHERE user_id IS NOT NULL GROUP BY user_id, type, details`

/**
 * For the statement that writes `events` down (audit/events.ts): this CTE puts them into the box of every endpoint that wants them, and
 * has the box looked into as soon as the change is committed (delivery.ts). `userId` is the SQL of whom an event is about.
 * The job is added in RETURNING: a CTE that only selects, and that nobody reads, does not run.
 */
export const outbox = (userId: string) => `boxed AS (
  INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, expires_at)
  SELECT ${uuidV7('event.place')}, endpoint.id, event.user_id, event.type, event.details, now() + interval '30 days'
  FROM (${TOLD(userId)}) AS event JOIN webhook_endpoints endpoint ON endpoint.enabled AND event.type = ANY (endpoint.types)
  ORDER BY event.place, endpoint.id
  RETURNING graphile_worker.add_job('deliver-webhooks', json_build_object('endpointId', endpoint_id, 'userId', user_id)))`
