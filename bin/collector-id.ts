import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Who collects from this data folder: made once and kept there, because the name of a host may be another one after a
 * restart, and two hosts may have the same.
 */
export async function collectorId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'collector-id')
  const id = randomBytes(8).toString('hex')
  await mkdir(dataDir, { recursive: true })
  await writeFile(`${path}.${id}`, id)
  // Whole or not at all, and of two processes at once the first.
  await link(`${path}.${id}`, path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
  await rm(`${path}.${id}`)
  return readFile(path, 'utf8')
}
