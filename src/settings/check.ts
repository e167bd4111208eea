/** Reports a mistake in the settings where a rule is broken. */
export type Check = (isKept: boolean, mistake: string) => void
