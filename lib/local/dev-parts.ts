import type { Part } from '../serve/dashboard-messages.ts'
import { HttpError } from './http-api.ts'
import type { ServerEnv } from './servers.ts'
import { messageOf } from './trouble.ts'
import type { WorkerProcess } from './worker-process.ts'

/** A source that feeds the log while the server runs, as the dashboard shows it. */
export interface RunningSource {
  readonly id: string
  readonly name: string
  readonly detail: string
}

const UP = { state: 'up', restarts: 0, killable: false } as const
const START_AGAIN_MS = 1_000

/** The parts that the dashboard shows, and may kill. */
export class DevParts {
  readonly #workers: readonly WorkerProcess[]
  readonly #servers: ServerEnv
  readonly #onTrouble: (message: string) => void
  readonly #sources = new Map<string, RunningSource>()

  constructor(workers: readonly WorkerProcess[], servers: ServerEnv, onTrouble: (message: string) => void) {
    this.#workers = workers
    this.#servers = servers
    this.#onTrouble = onTrouble
  }

  /** Shows a source among the parts until the returned function is called. */
  showSource(source: RunningSource): () => void {
    this.#sources.set(source.id, source)
    return () => void this.#sources.delete(source.id)
  }

  list(connections: number): readonly Part[] {
    const { WEIR_BROKERS, WEIR_DYNAMODB_ENDPOINT, WEIR_S3_ENDPOINT } = this.#servers
    const log = WEIR_BROKERS ? `Kafka, ${WEIR_BROKERS}` : 'files, fsync every second'
    const [keyed, objects] = [WEIR_DYNAMODB_ENDPOINT ?? 'SQLite', WEIR_S3_ENDPOINT ?? 'folder']
    return [
      ...[...this.#sources.values()].map((source): Part => ({ ...source, ...UP, kind: 'source' })),
      { id: 'log', kind: 'log', name: 'Event log', detail: log, pid: process.pid, ...UP },
      ...this.#workers.map(workerPart),
      { id: 'state', kind: 'store', name: 'Keyed store', detail: keyed, ...UP },
      { id: 'objects', kind: 'store', name: 'Object store', detail: objects, ...UP },
      { id: 'websocket', kind: 'socket', name: 'WebSocket', detail: `${connections} clients`, ...UP },
    ]
  }

  /** Ends a worker's process. Throws an HttpError where no worker has that id. */
  kill(id: string): void {
    const worker = this.#workers.find((one) => one.id === id)
    if (worker === undefined)
      throw new HttpError(404, 'NO_SUCH_PART', `no worker is called ${JSON.stringify(id)}`)
    worker.kill()
    // Lambda starts an environment at the next batch; here the next start is shown rather than waited for.
    const start = () => void worker.start().catch((error: unknown) => this.#onTrouble(messageOf(error)))
    setTimeout(start, START_AGAIN_MS).unref()
  }
}

function workerPart(worker: WorkerProcess): Part {
  const { id, state, pid, restarts, stream } = worker
  return {
    id,
    kind: 'worker',
    name: id,
    state,
    restarts,
    killable: true,
    ...(pid === undefined ? {} : { pid }),
    ...(stream === undefined ? {} : { stream }),
  }
}
