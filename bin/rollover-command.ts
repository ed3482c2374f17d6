import { spawn } from 'node:child_process'
import type { OnRollover } from '../lib/collect/follow/rollover.ts'

/**
 * Runs a shell command with a file's path behind it. What it prints goes to standard error: standard output is this
 * command's own. Ctrl-C does not reach it: what it has begun with a spool it may end.
 */
export function rolloverCommand(command: string): OnRollover {
  return (path) =>
    new Promise((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', `${command} "$1"`, 'sh', path], {
        stdio: ['ignore', 2, 2],
        detached: true,
      })
      child.on('error', reject)
      child.on('close', (code, signal) => {
        if (code === 0) resolve()
        else
          reject(new Error(code === null ? `it was ended by ${signal}` : `it ended with exit code ${code}`))
      })
    })
}
