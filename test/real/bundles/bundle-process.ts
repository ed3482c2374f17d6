import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { onMessages, sendMessage } from '../../../lib/local/worker-frames.ts'

const RUNTIME = fileURLToPath(new URL('runtime.mjs', import.meta.url))

interface Answer {
  readonly ok?: boolean
  readonly value?: unknown
  /** Of an event that was answered, one way or the other. */
  readonly tookMs?: number
  readonly error?: string
  readonly message?: string
  readonly importMs?: number
}

export interface BundleOptions {
  readonly file: string
  /** All the environment that the process has. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Left alive when an invocation takes too long: as an environment of Lambda's that is about to be frozen. */
  readonly zombies?: boolean
}

/** A bundle in a bare Node process, started at its first event and again after each death. An environment of Lambda's. */
export class BundleProcess {
  readonly #options: BundleOptions
  #child: ChildProcess | undefined
  #ready: Promise<Duplex> | undefined
  #answered: ((answer: Answer) => void) | undefined
  #stopped = false
  readonly zombies: ChildProcess[] = []
  importMs: number | undefined
  firstEventMs: number | undefined
  deaths = 0
  stderr = ''

  constructor(options: BundleOptions) {
    this.#options = options
  }

  /** Its template names the brokers. */
  get speaksKafka(): boolean {
    return this.#options.env.WEIR_BROKERS !== undefined
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves once the bundle is loaded. */
  async start(): Promise<void> {
    this.#ready ??= this.#start()
    await this.#ready
  }

  async invoke(event: readonly Buffer[]): Promise<unknown> {
    this.#ready ??= this.#start()
    const channel = await this.#ready
    const timer = setTimeout(() => this.#timedOut(), this.#options.timeoutMs ?? 60_000)
    try {
      const answer = await new Promise<Answer>((resolve) => {
        this.#answered = resolve
        sendMessage(channel, event)
      })
      this.firstEventMs ??= answer.tookMs
      if (answer.ok !== true)
        throw Object.assign(new Error(answer.message), { name: answer.error ?? 'Error' })
      return answer.value
    } finally {
      clearTimeout(timer)
    }
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const child of [this.#child, ...this.zombies]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await ended
    }
  }

  #timedOut(): void {
    if (this.#options.zombies !== true) {
      this.kill()
      return
    }
    if (this.#child !== undefined) this.zombies.push(this.#child)
    this.#ready = undefined
    this.#child = undefined
    this.#answered?.({ ok: false, message: 'the invocation timed out' })
  }

  #start(): Promise<Duplex> {
    if (this.#stopped) return Promise.reject(new Error('stopped'))
    const { file, env, timeoutMs = 60_000 } = this.#options
    const args = [RUNTIME, pathToFileURL(file).href, String(timeoutMs)]
    const child = spawn(process.execPath, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    this.#child = child
    child.stderr?.on('data', (chunk) => {
      this.stderr = (this.stderr + chunk).slice(-20_000)
    })
    child.stdout?.resume()
    const channel = child.stdio[3] as Duplex
    channel.on('error', () => undefined)
    return new Promise((resolve, reject) => {
      onMessages(channel, (bytes) => {
        const answer = JSON.parse(bytes.toString()) as Answer
        if (answer.importMs === undefined) {
          if (this.#child === child) this.#answered?.(answer)
          return
        }
        this.importMs ??= answer.importMs
        resolve(channel)
      })
      child.once('close', () => {
        if (!this.#stopped) this.deaths++
        reject(new Error(`the process ended before it was ready: ${this.stderr}`))
        if (this.#child !== child) return
        this.#answered?.({ ok: false, message: 'the process died' })
        this.#child = undefined
        this.#ready = undefined
      })
    })
  }
}
