-- AlterTable
ALTER TABLE "accounts" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "last_login_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "audit_events" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "clients" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "revocations" ALTER COLUMN "transaction_id" SET DEFAULT ((pg_current_xact_id())::text)::bigint,
ALTER COLUMN "revoked_at" SET DEFAULT clock_timestamp(),
ALTER COLUMN "expires_at" SET DEFAULT (clock_timestamp() + '01:05:00'::interval);

-- AlterTable
ALTER TABLE "sessions" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "last_used_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "signing_keys" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "users" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "updated_at" SET DEFAULT transaction_timestamp();

-- AlterTable
ALTER TABLE "webhook_deliveries" ALTER COLUMN "next_attempt_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "expires_at" SET DEFAULT (transaction_timestamp() + '30 days'::interval);

-- AlterTable
ALTER TABLE "webhook_endpoints" ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "updated_at" SET DEFAULT transaction_timestamp();
