import { describe, it } from 'vitest'
import type { Publisher } from '../../lib/ports/publisher.ts'

export interface OpenPublisher {
  readonly publisher: Publisher
  /** Opens a WebSocket client and resolves once the publisher can reach it. */
  readonly connect: () => Promise<TestConnection>
  readonly close: () => Promise<void>
}

export interface TestConnection {
  readonly connectionId: string
  /** The next text frame the client received and no one has taken yet. */
  readonly next: () => Promise<string>
  /** Closes from the client's side; resolves once the publisher's side knows. */
  readonly disconnect: () => Promise<void>
}

/** Registers the contract of `Publisher` for one implementation. */
export function publisherContract(name: string, _open: () => Promise<OpenPublisher>): void {
  describe(`Publisher contract: ${name}`, () => {
    it.todo('holds')
  })
}
