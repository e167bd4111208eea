-- AlterTable
ALTER TABLE "device_grants" ADD COLUMN     "resources" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "resources" TEXT[] DEFAULT ARRAY[]::TEXT[];
