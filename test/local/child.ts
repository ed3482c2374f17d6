import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'

/** A script of test/local/processes in a process of its own, whose output is read line by line. */
export interface Child {
  readonly process: ChildProcessByStdio<null, Readable, null>
  readonly lines: Interface
  /** Resolves with the next line. */
  readonly line: () => Promise<string>
  /** SIGKILL: no handler runs, nothing is flushed. Resolves when it is gone. */
  readonly kill: () => Promise<void>
  readonly exited: Promise<unknown>
}

export function startChild(script: string, ...args: string[]): Child {
  const path = join(import.meta.dirname, 'processes', script)
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const exited = once(child, 'close')
  return {
    process: child,
    lines,
    line: async () => String((await once(lines, 'line'))[0]),
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    exited,
  }
}
