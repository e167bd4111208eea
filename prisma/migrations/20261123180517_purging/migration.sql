-- What Prisma cannot express: sessions that were ended, for their purge. A refresh changes no indexed column, and so stays cheap.
CREATE INDEX "sessions_revoked_at_idx" ON "sessions"("revoked_at") WHERE revoked_at IS NOT NULL;
