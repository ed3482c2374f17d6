import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleFunction } from '../../../lib/infra/bundling.ts'
import { functionNames } from '../../../lib/infra/functions.ts'

/** One function as it would be uploaded. */
export interface Bundled {
  readonly file: string
  readonly sizeBytes: number
}

let made: ReadonlyMap<string, Bundled> | undefined

/** Every function there is, bundled as a deployment does, once for a test file and outside the project. */
export function bundledFunctions(): ReadonlyMap<string, Bundled> {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), 'weir-bundles-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  made = new Map(
    functionNames().map((name) => {
      const sizeBytes = bundleFunction(name, join(folder, name))
      return [name, { file: join(folder, name, 'index.mjs'), sizeBytes }]
    }),
  )
  return made
}
