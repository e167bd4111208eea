-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "sealed_refresh_token" TEXT;
