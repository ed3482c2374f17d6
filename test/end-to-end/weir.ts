import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

/** How a process of `weir` ended and all that it printed. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface StartOptions {
  /** Standard input, all of it; "open" where the test writes to it. */
  readonly input?: string | 'open'
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** In a process group of its own, as a terminal would start it. */
  readonly group?: boolean
}

const WEIR = join(import.meta.dirname, '../../bin/weir.ts')
/** What is longer under way has gone wrong, and is ended. */
const LIFE_MS_MAX = 200_000
/** Saves each process half of its start; nothing else depends on it. */
const COMPILED = process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), 'node-compile-cache')
/** The page has tests of its own; without this one, `dev` would build it first. */
const PAGE = join(import.meta.dirname, 'page')

const running = new Set<WeirProcess>()

/** A process of `weir` as a user starts it, with what it has printed so far. */
export class WeirProcess {
  readonly args: readonly string[]
  readonly child: ChildProcess
  readonly pid: number
  /** Itself gone; workers may still have its stdout and stderr. */
  readonly exited: Promise<void>
  readonly ended: Promise<Ended>
  out = ''
  err = ''

  constructor(args: readonly string[], { input, cwd, env, group = false }: StartOptions = {}) {
    const child = spawn(process.execPath, [WEIR, ...args], {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: group,
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, WEIR_DASHBOARD: PAGE, ...env },
      timeout: LIFE_MS_MAX,
      killSignal: 'SIGKILL',
      ...(cwd !== undefined && { cwd }),
    })
    this.args = args
    this.child = child
    running.add(this)
    child.once('exit', () => running.delete(this))
    this.pid = child.pid ?? -1
    child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk))
    child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk))
    // A process that ends before it has read its input is the test's subject, not its failure.
    child.stdin?.on('error', () => undefined)
    if (input !== undefined && input !== 'open') child.stdin?.end(input)
    this.exited = new Promise((resolve) => child.once('exit', () => resolve()))
    this.ended = new Promise((resolve) =>
      child.once('close', (code, signal) => resolve({ code, signal, out: this.out, err: this.err })),
    )
  }

  /** Ends this process alone, at once: what it started has to notice by itself. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }
}

/** Runs `weir` to its end. */
export function weir(args: readonly string[], options?: StartOptions): Promise<Ended> {
  return new WeirProcess(args, options).ended
}

/** The one JSON document that `weir ... --json` printed. Fails the test where it did not end well. */
export async function answer<T = unknown>(args: readonly string[], options?: StartOptions): Promise<T> {
  const ended = await weir([...args, '--json'], options)
  expect(ended.code, `weir ${args.join(' ')}: ${ended.err}`).toBe(0)
  return documentOf<T>(ended)
}

/** What was printed on stdout, which must be one JSON document and a line feed. */
export function documentOf<T = unknown>({ out }: Pick<Ended, 'out'>): T {
  expect(out.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(out) as T
}

/** Fails the test where a message is a program's and not for people. */
export function expectMessage({ err }: Ended, containing: string | RegExp): void {
  expect(err).toMatch(containing)
  expect(err).not.toMatch(/^\s+at .*:\d+|node:internal/m)
}

/** Runs `action` in a folder that is removed afterwards. */
export async function inFolder<T>(action: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-e2e-'))
  try {
    return await action(dir)
  } finally {
    // Of a test that failed; one that did not has seen them all end.
    for (const left of running) if (left.args.some((arg) => arg.includes(dir))) await left.kill()
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Resolves with the first answer of `look` that is not undefined; rejects after `timeoutMs`, saying what was awaited. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 60_000,
  everyMs = 20,
): Promise<T> {
  const untilMs = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > untilMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await delay(everyMs)
  }
}
