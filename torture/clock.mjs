// Loaded into an instance by `node --import`: on SIGUSR2 its clock steps to be as many seconds ahead as a file says.
import { readFileSync } from 'node:fs'

const RealDate = Date
let ahead = 0

globalThis.Date = class Date extends RealDate {
  constructor (...args) {
    if (args.length === 0) super(RealDate.now() + ahead)
    else super(...args)
  }

  static now () { return RealDate.now() + ahead }
}

process.on('SIGUSR2', () => { ahead = Number(readFileSync(process.env.TORTURE_CLOCK, 'utf8')) * 1000 })
