-- What somebody did to others, or to nobody: few among all events, since most people act on themselves.
CREATE INDEX "audit_events_actor_id_idx" ON "audit_events" ("actor_id") WHERE "actor_id" IS DISTINCT FROM "user_id";
