-- CreateIndex
CREATE INDEX "audit_events_created_at_id_idx" ON "audit_events"("created_at", "id");

-- CreateIndex
CREATE INDEX "clients_created_at_client_id_idx" ON "clients"("created_at", "client_id");

-- CreateIndex
CREATE INDEX "users_created_at_id_idx" ON "users"("created_at", "id");

-- What Prisma cannot express.

-- The words of names and addresses, by how they begin (admin/user-repository.ts).
CREATE INDEX "users_words_idx" ON "users" USING gin (to_tsvector('simple', coalesce(name, '') || ' ' || translate(coalesce(email, ''), '@.+_-', '     ')));

-- Administrators: few among many.
CREATE INDEX "users_admins_idx" ON "users"("created_at", "id") WHERE 'admin' = ANY(roles) AND disabled_at IS NULL;

-- So are those who are disabled.
CREATE INDEX "users_disabled_idx" ON "users"("created_at", "id") WHERE disabled_at IS NOT NULL;
