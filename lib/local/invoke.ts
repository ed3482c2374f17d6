import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Recording } from './recording.ts'

const WORKER = fileURLToPath(new URL('./invoke-worker.ts', import.meta.url))

export interface InvokeOptions {
  readonly functionName: string
  /** Its index.ts. */
  readonly file: string
  readonly event: unknown
  /** Set for a function that belongs to one stream. */
  readonly stream: string | undefined
  /** Made where they are not there, as a deployment would have them. */
  readonly topics: readonly { readonly stream: string; readonly partitions: number }[]
  readonly dataDir: string
  readonly site: string
  /** What the function is told it has left; a second later the process is killed. */
  readonly timeoutMs: number
}

export type InvokeOrder = Pick<InvokeOptions, 'functionName' | 'file' | 'event' | 'topics' | 'timeoutMs'>

/** Either `answered` or `error`. */
export interface InvokeAnswer {
  readonly answered?: unknown
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string }
  /** Loading the function and opening its ports: a cold start, as far as it is the code's. */
  readonly loadMs: number
  readonly durationMs: number
  readonly recording: Recording
}

/**
 * Runs a function on one event in a process of its own, on embedded ports in `dataDir`. What it prints goes to stderr.
 * Rejects when the process dies or takes longer than it may; an error the function throws is an answer.
 */
export function invokeFunction(options: InvokeOptions): Promise<InvokeAnswer> {
  const { functionName, file, event, topics, timeoutMs } = options
  const child = start(options)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs + 1000)
    child.once('message', (answer: InvokeAnswer) => resolve(answer))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      const how =
        signal === 'SIGKILL' ? `was killed after ${timeoutMs} ms` : `ended (${signal ?? `exit code ${code}`})`
      reject(new Error(`functions/${functionName} ${how} before it answered`))
    })
    child.send({ functionName, file, event, topics, timeoutMs } satisfies InvokeOrder)
  })
}

function start({ dataDir, site, stream }: InvokeOptions): ChildProcess {
  return fork(WORKER, {
    execArgv: ['--conditions=invoke', '--conditions=local', '--disable-warning=ExperimentalWarning'],
    env: {
      ...process.env,
      WEIR_DATA: dataDir,
      WEIR_SITE: site,
      ...(stream === undefined ? {} : { WEIR_STREAM: stream }),
    },
    stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
  })
}
