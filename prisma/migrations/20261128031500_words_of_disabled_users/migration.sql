-- Those who are disabled are few among many: a search among them has an index of its own.
CREATE INDEX "users_disabled_words_idx" ON "users" USING gin (to_tsvector('simple', coalesce(name, '') || ' ' || translate(coalesce(email, ''), '@.+_-', '     '))) WHERE disabled_at IS NOT NULL;
