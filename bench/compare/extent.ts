/** How much is measured. */
export interface Extent {
  rounds: number
  starts: number
  /** Between a start and the reading of its idle memory. */
  settleMs: number
  warmLogins: number
  signUps: number
  /** CPU time of one sample of an operation. */
  sampleMs: number
}

export const FULL: Extent = { rounds: 5, starts: 7, settleMs: 3_000, warmLogins: 1_000, signUps: 500, sampleMs: 3_000 }

export const SHORT: Extent = { rounds: 3, starts: 3, settleMs: 1_500, warmLogins: 500, signUps: 100, sampleMs: 500 }
