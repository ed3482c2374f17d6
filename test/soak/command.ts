import { type ChildProcess, spawn } from 'node:child_process'
import type { Ended } from '../end-to-end/weir.ts'

/** One process of `weir`; unlike the tests' own it may run for as long as it takes. */
export class Command {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string) {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk))
    child.stderr.on('data', (chunk: Buffer) => (err = (err + chunk).slice(-20_000)))
    this.ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => setTimeout(() => resolve({ code, signal, out, err }), 20)),
    )
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
