import { createHash } from 'node:crypto'
import { glob, open, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { Framing } from '../stream/format.ts'
import { readLines } from './lines.ts'
import type { Source, SourceFingerprint } from './source.ts'
import { SourceError, sourceError } from './source-error.ts'

const HEAD_BYTES = 4096

/** Arguments as a run remembers them: paths absolute, so that the folder a command runs in does not matter. */
export function absoluteSources(args: readonly string[]): readonly string[] {
  return args.map((arg) => (arg === '-' || isUrl(arg) ? arg : resolve(arg)))
}

/** True for what is no file: `syslog+udp://0.0.0.0:5514`. */
export function isUrl(arg: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(arg)
}

/**
 * The files that the arguments stand for, in the order of the arguments: a file is itself, a folder all files in and
 * below it in order of name, a pattern (`*`, `?`, `[...]`, `{a,b}`, `**`) what it matches in order of name, `-` standard
 * input. Files and folders whose name starts with a dot are left out, unless named. Throws a SourceError for what is not there.
 */
export async function expandSources(args: readonly string[]): Promise<readonly string[]> {
  if (args.length === 0)
    throw new SourceError('name at least one source: a file, a folder, a pattern, or - for standard input')
  if (args.filter((arg) => arg === '-').length > 1)
    throw new SourceError('-: standard input can be read only once')
  const expanded = await Promise.all(absoluteSources(args).map(expandOne))
  return expanded.flat()
}

async function expandOne(path: string): Promise<readonly string[]> {
  if (path === '-') return [path]
  const files = await findFiles(path)
  if (files.length > 0) return files
  const folder = (await stat(path).catch(() => undefined))?.isDirectory() === true
  const what = folder ? 'there is no file in this folder' : 'no file matches this pattern'
  throw new SourceError(`${path}: ${what}`)
}

/** The files that an absolute path stands for now, in order of name. A path that is no pattern stands for itself, there or not. */
export async function findFiles(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) return filesBelow(path)
  if (found !== undefined || !/[*?[{]/.test(path)) return [path]
  const files: string[] = []
  for await (const entry of glob(path, { withFileTypes: true }))
    if (!entry.isDirectory()) files.push(join(entry.parentPath, entry.name))
  return files.sort()
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/]\./.test(file.slice(folder.length)))
  return files.sort()
}

/** The source of an expanded path. Rejects with a SourceError where it cannot be read. */
export async function openSource(
  path: string,
  framing: Framing,
  stdin: Readable = process.stdin,
): Promise<Source> {
  if (path === '-') return stdinSource(stdin, framing)
  const found = await stat(path).catch((error: unknown) => {
    throw sourceError(path, error)
  })
  if (found.isDirectory()) throw new SourceError(`${path}: is a folder`)
  // A pipe or a device gives its bytes once.
  if (!found.isFile()) return { ...fileSource(path, framing, undefined), repeatable: false }
  return { ...fileSource(path, framing, found.size), fingerprint: () => fingerprint(path) }
}

function fileSource(path: string, framing: Framing, sizeBytes: number | undefined): Source {
  const read: Source['read'] = (options) => readLines(path, { ...options, framing })
  return { name: path, repeatable: true, sizeBytes, read }
}

function stdinSource(stdin: Readable, framing: Framing): Source {
  return {
    name: '-',
    repeatable: false,
    sizeBytes: undefined,
    async *read(options) {
      if (options.pass > 0) throw new SourceError('-: standard input cannot be read in a loop')
      yield* readLines(stdin, { ...options, framing, name: 'standard input' })
    },
  }
}

async function fingerprint(path: string): Promise<SourceFingerprint> {
  const file = await open(path).catch((error: unknown) => {
    throw sourceError(path, error)
  })
  try {
    const { size } = await file.stat()
    return { sizeBytes: size, ...(await headOf(file, HEAD_BYTES)) }
  } finally {
    await file.close()
  }
}

async function headOf(file: Awaited<ReturnType<typeof open>>, bytes: number) {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
  const headSha256 = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex')
  return { headBytes: bytesRead, headSha256 }
}

/** Throws a SourceError unless the file still begins with what `recorded` saw. */
export async function requireUnchanged(path: string, recorded: SourceFingerprint): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    throw sourceError(path, error)
  })
  try {
    const { size } = await file.stat()
    const { headSha256 } = await headOf(file, recorded.headBytes)
    if (size >= recorded.sizeBytes && headSha256 === recorded.headSha256) return
  } finally {
    await file.close()
  }
  throw new SourceError(
    `${path}: changed since the unfinished run of these sources began, so it cannot go on. ` +
      'Put the file back, or start anew with a --run-id of your own',
  )
}
