/** The rows cannot make a model: too few, or all alike. The message says what it takes. */
export class CannotTrainError extends Error {
  override readonly name = 'CannotTrainError'
}
