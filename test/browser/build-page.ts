import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the page, built from the sources as they are. */
    dist: string
  }
}

/** Builds the page once for all tests, away from web/dist, which a running `weir dev` may be serving. */
export async function setup(project: TestProject): Promise<() => void> {
  const dist = mkdtempSync(join(tmpdir(), 'weir-page-'))
  const root = fileURLToPath(new URL('../../web', import.meta.url))
  await build({
    root,
    configFile: join(root, 'vite.config.ts'),
    build: { outDir: dist, emptyOutDir: true },
    logLevel: 'warn',
  })
  project.provide('dist', dist)
  return () => rmSync(dist, { recursive: true, force: true })
}
