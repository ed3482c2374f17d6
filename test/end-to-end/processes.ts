import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

export interface Worker {
  readonly pid: number
  /** "score", "count", ... */
  readonly functionName: string
}

/** The worker processes that now work for a data folder, found by their environment, whoever their parent is. */
export function workersOf(data: string): readonly Worker[] {
  const mine = commands().filter(({ environment }) => environment.includes(`WEIR_DATA=${data}`))
  return mine.map(({ pid, args }) => {
    const functionName = /functions[\\/](\w+)[\\/]index\.ts/.exec(args)?.[1] ?? 'unknown'
    return { pid, functionName }
  })
}

interface Command {
  readonly pid: number
  readonly args: string
  readonly environment: readonly string[]
}

function commands(): readonly Command[] {
  if (!existsSync('/proc/self/environ')) return commandsByPs()
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      const [args, environ] = ['cmdline', 'environ'].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, 'utf8'),
      )
      return [{ pid: Number(pid), args: args ?? '', environment: (environ ?? '').split('\0') }]
    } catch {
      return [] // ended meanwhile, or another user's
    }
  })
}

/** Where there is no /proc, as on macOS: `ps` shows the environment after the arguments. */
function commandsByPs(): readonly Command[] {
  const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n')
  return lines.map((line) => ({ pid: Number.parseInt(line, 10), args: line, environment: line.split(' ') }))
}
