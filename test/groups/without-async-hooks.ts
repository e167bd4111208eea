import asyncHooks from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

/**
 * tap follows each promise and timer, to know which test a stray error belongs to. In a process that runs fifty files
 * this takes a quarter of the time. Without it such an error ends the group, which fails with its stack. A file that
 * runs alone has it as ever. Must be loaded before tap.
 */
const unused = { enable: () => unused, disable: () => unused }
asyncHooks.createHook = () => unused
syncBuiltinESMExports()
