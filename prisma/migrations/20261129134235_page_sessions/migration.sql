-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "page_secret_hash" BYTEA;
