import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ports } from '../../ports/ports.ts'
import { readRetractions } from '../../state/retractions.ts'
import type { Stream } from '../../stream/define.ts'
import { runSql, type SqlAnswer } from './engine.ts'
import { masterPaths } from './master-paths.ts'
import { createView } from './master-view.ts'

export interface MasterSqlOptions {
  readonly rowsMax: number
  /** Also the rows of retracted stretches. */
  readonly withRetracted: boolean
  readonly onProgress?: (progress: {
    readonly done: number
    readonly of: number
    readonly text: string
  }) => void
  readonly signal?: AbortSignal
}

export interface MasterSqlAnswer extends SqlAnswer {
  /** Master files that the views of the streams it names are made of. */
  readonly files: number
}

/**
 * One SQL statement over the master: a view for each stream, by its name. Every record is in it with what became of it
 * (`weir_outcome`: ok, drop, dead), but those of retracted stretches.
 */
export async function queryMaster(
  { keyed, objects }: Pick<Ports, 'keyed' | 'objects'>,
  streams: Iterable<Stream>,
  sql: string,
  options: MasterSqlOptions,
): Promise<MasterSqlAnswer> {
  const { onProgress, signal } = options
  const dir = await mkdtemp(join(tmpdir(), 'weir-sql-'))
  const spillDir = join(dir, 'spill')
  await mkdir(spillDir)
  try {
    const setUp: string[] = []
    const all: string[] = []
    for (const stream of streams) {
      const paths = named(sql, stream.name)
        ? await masterPaths(objects, stream.name, {
            copiesDir: dir,
            onCopied: ({ files, of, sizeBytes }) =>
              onProgress?.({
                done: files,
                of,
                text: `copying ${stream.name}, ${Math.round(sizeBytes / 1e6)} MB`,
              }),
            ...(signal === undefined ? {} : { signal }),
          })
        : []
      const retracted = options.withRetracted ? [] : await readRetractions(keyed, stream.name)
      setUp.push(createView({ stream, paths, retracted }))
      all.push(...paths)
    }
    const answer = await runSql(sql, {
      setUp,
      paths: all,
      spillDir,
      rowsMax: options.rowsMax,
      onProgress: (percent) => onProgress?.({ done: percent, of: 100, text: 'reading the master' }),
      ...(signal === undefined ? {} : { signal }),
    })
    return { ...answer, files: all.length }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Whether a statement may mean the stream: the others need not be opened. */
function named(sql: string, stream: string): boolean {
  const plain = stream.replaceAll('-', '\\-')
  return new RegExp(`(?<![\\w-])${plain}(?![\\w-])`, 'i').test(sql)
}
