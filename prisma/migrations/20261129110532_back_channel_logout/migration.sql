-- CreateTable
CREATE TABLE "logout_deliveries" (
    "id" UUID NOT NULL,
    "client_id" TEXT NOT NULL,
    "user_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT transaction_timestamp(),
    "expires_at" TIMESTAMPTZ(3) NOT NULL DEFAULT (transaction_timestamp() + '2 days'::interval),

    CONSTRAINT "logout_deliveries_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "logout_deliveries_client_id_user_id_idx" ON "logout_deliveries"("client_id", "user_id");

-- CreateIndex
CREATE INDEX "logout_deliveries_next_attempt_at_idx" ON "logout_deliveries"("next_attempt_at");

-- CreateIndex
CREATE INDEX "logout_deliveries_expires_at_idx" ON "logout_deliveries"("expires_at");
