import { execFile } from 'node:child_process'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/** Something this machine lacks. Tests skip with its message, which says what to install. */
export class MissingTool extends Error {
  override readonly name = 'MissingTool'
}

interface Tool {
  readonly command: string
  readonly versionArgs: readonly string[]
  /** The major version in what the command prints. */
  readonly major: RegExp
  readonly least: number
  readonly advice: string
}

const TOOLS = {
  java: {
    command: 'java',
    versionArgs: ['-version'],
    major: /version "(\d+)/,
    least: 17,
    advice: 'install a JDK, version 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)',
  },
  mvn: {
    command: 'mvn',
    versionArgs: ['-v'],
    major: /Apache Maven (\d+)/,
    least: 3,
    advice: 'install Maven 3 (Debian: apt-get install maven)',
  },
  go: {
    command: 'go',
    versionArgs: ['version'],
    major: /go1\.(\d+)/,
    least: 21,
    advice: 'install Go 1.21 or newer (https://go.dev/dl)',
  },
} as const satisfies Record<string, Tool>

export type ToolName = keyof typeof TOOLS

/** Rejects with MissingTool where one is not there, or too old. */
export async function requireTools(...names: readonly ToolName[]): Promise<void> {
  for (const name of names) {
    const { command, versionArgs, major, least, advice } = TOOLS[name]
    const printed = await run(command, [...versionArgs]).then(
      ({ stdout, stderr }) => stdout + stderr,
      () => undefined,
    )
    if (printed === undefined) throw new MissingTool(`${command} is not installed: ${advice}`)
    const found = Number(major.exec(printed)?.[1])
    if (found < least) throw new MissingTool(`${command} is version ${found}, ${least} is needed: ${advice}`)
  }
}

/** Where downloads stay between runs: $WEIR_CACHE, or ~/.cache/weir. */
export function cacheFolder(): string {
  return process.env.WEIR_CACHE ?? join(homedir(), '.cache', 'weir')
}

/**
 * The folder `name` of the cache, made by `fill` where it is not there yet. A half-filled folder is never seen, and
 * where two processes fill it at once the second one's work is thrown away.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name)
  if (await exists(folder)) return folder
  const making = `${folder}.${process.pid}.tmp`
  await rm(making, { recursive: true, force: true })
  await mkdir(making, { recursive: true })
  try {
    await fill(making)
    await rename(making, folder).catch(async (error) => {
      if (!(await exists(folder))) throw error
    })
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  return folder
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
