import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server that tests started: where it is, and how it ends. */
export interface RunningServer {
  readonly endpoint: string
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** An own folder for one server's data, below the system's temporary folder. */
export async function dataFolder(kind: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `weir-${kind}-`))
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Resolves true once the server answers; asked again and again until then. */
  readonly ready: (log: string) => Promise<boolean> | boolean
  readonly timeoutMs: number
}

/** Children still running: ended with this process, however it ends short of SIGKILL. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** One child process, its output in `log` in its folder. */
export class ServerProcess {
  readonly #command: ServerCommand
  #child: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  /** Resolves once it is ready; rejects with the end of its log where it ends or takes too long. */
  async start(): Promise<void> {
    const { command, args, cwd, env, timeoutMs } = this.#command
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    child.once('error', () => running.delete(child))
    const log = createWriteStream(this.#log, { flags: 'w' })
    child.stdout?.pipe(log, { end: false })
    child.stderr?.pipe(log, { end: false })
    child.once('close', () => log.end())
    for (const untilMs = Date.now() + timeoutMs; ; await sleep(50)) {
      const text = await readFile(this.#log, 'utf8').catch(() => '')
      if (await this.#command.ready(text)) return
      const ended = child.exitCode !== null || child.signalCode !== null
      if (ended || Date.now() > untilMs) {
        await this.stop('SIGKILL')
        const what = ended ? 'ended' : `was not ready after ${timeoutMs} ms`
        throw new Error(`${command} ${what}:\n${worstOf(text)}`)
      }
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Sends a signal and waits for the end: SIGKILL is a crash, SIGTERM an orderly stop. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    const patience = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(patience)
  }

  /** Stops all threads (SIGSTOP) or lets them go on (SIGCONT): a server that hangs. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  get #log(): string {
    return join(this.#command.cwd, 'log')
  }
}

/** The lines of a log that say what went wrong, and its end. */
function worstOf(log: string): string {
  const lines = log.split('\n')
  const complaints = lines.filter((line) => /ERROR|FATAL|Exception|panic/.test(line)).slice(0, 10)
  return [...complaints, '...', ...lines.slice(-10)].join('\n')
}
