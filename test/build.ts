/** Builds before the slow tests start: a build beside them would replace Prisma's client while they load it. */
import { build } from './built-server.ts'

build()
