/**
 * Sends text frames to WebSocket clients: API Gateway's `@connections`, or a `ws` server on one machine.
 *
 * Contract, proven by test/contracts/publisher.ts on every implementation:
 * - `send` resolves 'sent' once the frame is handed to the transport, in order per connection, and 'gone' where the
 *   connection is closed or unknown: forget it then. Any other trouble rejects.
 * - A frame over `maxFrameBytes` (UTF-8) is rejected with FRAME_TOO_LARGE, curable: false.
 * - Nothing may be called after `close`, but for `close` itself, which then does nothing.
 */
export interface Publisher {
  readonly maxFrameBytes: number
  send(connectionId: string, frame: string): Promise<'sent' | 'gone'>
  close(): Promise<void>
}
