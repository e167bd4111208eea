-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "metadata" JSONB NOT NULL DEFAULT '{}';
