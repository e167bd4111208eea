-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "previously_used_at" TIMESTAMPTZ(3);
