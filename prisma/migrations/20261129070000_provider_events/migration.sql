-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "disabled_by_provider_at" TIMESTAMPTZ(3),
ADD COLUMN     "email_disabled_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "deletion_requests" (
    "code" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT transaction_timestamp(),
    "expires_at" TIMESTAMPTZ(3) NOT NULL DEFAULT (transaction_timestamp() + '365 days'::interval),

    CONSTRAINT "deletion_requests_pkey" PRIMARY KEY ("code")
);

-- CreateIndex
CREATE INDEX "deletion_requests_expires_at_idx" ON "deletion_requests"("expires_at");
