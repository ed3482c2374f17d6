import type { ErrorCode } from './schemas.ts'

const STATUS: Readonly<Record<ErrorCode, number>> = {
  BAD_PARAMETER: 400,
  NO_SUCH_VIEW: 404,
  NO_SUCH_ROUTE: 404,
  METHOD_NOT_ALLOWED: 405,
  UNAVAILABLE: 503,
  INTERNAL: 500,
}

/** A refusal that the caller is told. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly status: number

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
    this.status = STATUS[code]
  }
}
