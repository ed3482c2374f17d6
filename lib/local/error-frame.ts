import type { ErrorAnswer } from '../serve/dashboard-messages.ts'
import type { ErrorCode } from '../serve/protocol.ts'

/** A frame that tells a client what was refused or failed. */
export function errorFrame(code: ErrorCode, message: string, channel?: string): string {
  const answer: ErrorAnswer = { error: { code, message, ...(channel !== undefined && { channel }) } }
  return JSON.stringify(answer)
}
