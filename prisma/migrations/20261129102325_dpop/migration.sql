-- AlterTable
ALTER TABLE "authorization_codes" ADD COLUMN     "dpop_jkt" TEXT;

-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "dpop_jkt" TEXT;
