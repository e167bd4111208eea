-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "personal_token" TEXT;
