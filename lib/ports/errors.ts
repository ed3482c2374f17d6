/** What every port throws. `curable` says whether trying again later can help; a stage rethrows only what it can. */
export class PortError extends Error {
  override readonly name = 'PortError'
  readonly code: PortErrorCode
  readonly curable: boolean

  constructor(code: PortErrorCode, message: string, options: { curable: boolean; cause?: unknown }) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.curable = options.curable
  }
}

export type PortErrorCode =
  | 'BATCH_TOO_LARGE'
  | 'ITEM_TOO_LARGE'
  | 'FRAME_TOO_LARGE'
  | 'BAD_KEY'
  | 'NO_SUCH_TOPIC'
  | 'NO_SUCH_PARTITION'
  | 'OFFSET_OUT_OF_RANGE'
  | 'CORRUPT'
  | 'LOCKED'
  | 'CLOSED'
  | 'THROTTLED'
  | 'TIMEOUT'
  | 'UNAVAILABLE'
  | 'DENIED'
  | 'MISCONFIGURED'
