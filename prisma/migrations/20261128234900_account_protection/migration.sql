-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "account_id" UUID,
ADD COLUMN     "device_code_hash" BYTEA,
ADD COLUMN     "rotation_ip_address" TEXT,
ADD COLUMN     "rotation_user_agent" TEXT;

-- CreateTable
CREATE TABLE "unlinked_identities" (
    "user_id" UUID NOT NULL,
    "identity_hash" BYTEA NOT NULL,
    "unlinked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT transaction_timestamp(),

    CONSTRAINT "unlinked_identities_pkey" PRIMARY KEY ("user_id","identity_hash")
);

-- AddForeignKey
ALTER TABLE "unlinked_identities" ADD CONSTRAINT "unlinked_identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
