import { PortError } from '../ports/errors.ts'

export function batchTooLarge(topic: string, bytes: number, bytesMax: number): PortError {
  const message = `append to ${topic}: a batch of ${bytes} bytes, at most ${bytesMax}`
  return new PortError('BATCH_TOO_LARGE', message, { curable: false })
}
