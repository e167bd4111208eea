/**
 * The stages of a login: sent to the provider; back from it, with a code or an ID token; identified by the provider;
 * and given a session or a code. A login that fails ends in the stage that it did not pass.
 */
export const LOGIN_STAGES = ['started', 'returned', 'identified', 'completed'] as const

export type LoginStage = typeof LOGIN_STAGES[number]

/** The steps of the stages, for failures that do not name a step of their own. */
export const STAGE_STEPS: Record<LoginStage, string> = {
  started: 'authorization request',
  returned: 'authorization response',
  identified: 'identification',
  completed: 'sign-in'
}
