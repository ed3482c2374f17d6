import type { EventLog } from '../ports/event-log.ts'
import type { BatchFigures } from '../ports/metrics.ts'
import type { Publisher } from '../ports/publisher.ts'

export interface HostOptions {
  /** From `hostSocketPath(dataDir)`. */
  readonly socketPath: string
  readonly log: EventLog
  readonly publisher: Publisher
  readonly onMetrics?: (batch: BatchFigures) => void
}

/** Serves the log, the publisher and the metrics of this process to worker processes. It closes neither of them. */
export class Host {
  readonly socketPath: string

  private constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  static async listen(options: HostOptions): Promise<Host> {
    return new Host(options.socketPath)
  }

  async close(): Promise<void> {}
}
