/** A run that cannot begin or go on, for a reason the user can act on. What has landed stays, and counts once. */
export class RunError extends Error {
  override readonly name: string = 'RunError'
}

/** Another process works on the run now: this one must append nothing more. */
export class RunTakenError extends RunError {
  override readonly name = 'RunTakenError'
}
