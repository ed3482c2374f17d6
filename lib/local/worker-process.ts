import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { WorkerAnswer } from './worker.ts'
import { onMessages, sendMessage } from './worker-frames.ts'

const WORKER_FILE = fileURLToPath(new URL('./worker.ts', import.meta.url))
const PROJECT = new URL('../../', import.meta.url)

export interface WorkerOptions {
  /** Shown on the dashboard and in messages: "score-0". */
  readonly id: string
  /** Folder under functions/. */
  readonly functionName: string
  readonly env: Readonly<Record<string, string>>
  /** An invocation that takes longer is ended by killing the process, as Lambda does. */
  readonly timeoutMs: number
  /** The stream it works for; undefined: for all. */
  readonly stream?: string
  /** Without work for this long the process is ended until it is needed again, as Lambda does; undefined: never. */
  readonly idleMs?: number
}

/** `idle`: not needed so far, or not any more. */
export type WorkerState = 'idle' | 'starting' | 'up' | 'down'

/** The worker died or was killed while it worked: what it did before is unknown. */
export class WorkerDiedError extends Error {
  override readonly name = 'WorkerDiedError'
}

/** The handler threw. */
export class HandlerError extends Error {
  override readonly name = 'HandlerError'
}

/** One function environment: a child process that is started at first use and again after every death. */
export class WorkerProcess {
  readonly id: string
  readonly stream: string | undefined
  readonly #options: WorkerOptions
  #child: ChildProcess | undefined
  #ready: Promise<Duplex> | undefined
  #pending: { resolve: (answer: WorkerAnswer) => void; reject: (error: Error) => void } | undefined
  #state: WorkerState = 'idle'
  #restarts = 0
  #stopping = false
  #idle: NodeJS.Timeout | undefined

  constructor(options: WorkerOptions) {
    this.id = options.id
    this.stream = options.stream
    this.#options = options
  }

  get state(): WorkerState {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get restarts(): number {
    return this.#restarts
  }

  /** Starts the process if it is not there; resolves when its function is loaded. */
  async start(): Promise<void> {
    await this.#channel()
  }

  /** Runs the function on an event. Rejects with a HandlerError or a WorkerDiedError. One at a time. */
  async invoke(event: readonly Buffer[]): Promise<unknown> {
    clearTimeout(this.#idle)
    const channel = await this.#channel()
    const timer = setTimeout(() => this.kill(), this.#options.timeoutMs + 1000)
    try {
      const answer = await new Promise<WorkerAnswer>((resolve, reject) => {
        this.#pending = { resolve, reject }
        sendMessage(channel, event)
      })
      if (answer.ok) return answer.value
      throw new HandlerError(`${this.id}: ${answer.error}: ${answer.message}`)
    } finally {
      clearTimeout(timer)
      this.#pending = undefined
      const { idleMs } = this.#options
      if (idleMs !== undefined && !this.#stopping)
        this.#idle = setTimeout(() => this.#retire(), idleMs).unref()
    }
  }

  /** Ends the process at once, whatever it is doing (SIGKILL). It starts again when it is next needed. */
  kill(): void {
    // It dies of this, not of having no work.
    clearTimeout(this.#idle)
    this.#child?.kill('SIGKILL')
  }

  /** Ends the process for good. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#idle)
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    this.kill()
    await ended
  }

  /** Nothing is under way: an invocation would have cleared the timer. The next one starts another process. */
  #retire(): void {
    const child = this.#child
    this.#child = undefined
    this.#ready = undefined
    this.#state = 'idle'
    child?.kill('SIGKILL')
  }

  #channel(): Promise<Duplex> {
    if (this.#stopping) return Promise.reject(new WorkerDiedError(`${this.id} is stopped`))
    this.#ready ??= this.#spawn()
    return this.#ready
  }

  #spawn(): Promise<Duplex> {
    const { functionName, env, timeoutMs } = this.#options
    const file = fileURLToPath(new URL(`functions/${functionName}/index.ts`, PROJECT))
    const args = [
      '--conditions=local',
      '--disable-warning=ExperimentalWarning',
      WORKER_FILE,
      file,
      String(timeoutMs),
    ]
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(PROJECT),
      env: { ...process.env, ...env },
      // A group of its own: Ctrl-C in a terminal is for the process that started it, and its end reaches it by the channel.
      detached: true,
      // What a function prints goes where messages go; stdout is for answers.
      stdio: ['ignore', process.stderr, process.stderr, 'pipe'],
    })
    this.#child = child
    if (this.#state === 'down') this.#restarts++
    this.#state = 'starting'
    const channel = child.stdio[3] as Duplex
    channel.on('error', () => undefined)
    return new Promise((resolve, reject) => {
      onMessages(channel, (bytes) => {
        if (this.#state !== 'starting')
          return this.#pending?.resolve(JSON.parse(bytes.toString()) as WorkerAnswer)
        this.#state = 'up'
        resolve(channel)
      })
      child.once('error', reject)
      child.once('close', (code, signal) => {
        const error = new WorkerDiedError(`${this.id} ended (${signal ?? `exit code ${code}`})`)
        if (this.#child !== child) return reject(error)
        clearTimeout(this.#idle)
        this.#state = 'down'
        this.#child = undefined
        this.#ready = undefined
        reject(error)
        this.#pending?.reject(error)
      })
    })
  }
}
