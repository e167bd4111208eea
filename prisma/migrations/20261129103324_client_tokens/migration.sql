-- CreateIndex
CREATE INDEX "revocations_session_id_idx" ON "revocations"("session_id");

-- CreateIndex
CREATE INDEX "revocations_user_id_idx" ON "revocations"("user_id");
