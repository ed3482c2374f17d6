import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { bundleFunction } from '../lib/infra/bundling.ts'
import { functionNames, PROJECT } from '../lib/infra/functions.ts'
import { table } from './table.ts'

/** Bundles every function to dist/functions/NAME/index.mjs, as a deployment does, and prints what each weighs. */
const out = join(PROJECT, 'dist', 'functions')
rmSync(out, { recursive: true, force: true })
const rows = functionNames().map((name) => {
  const startedMs = performance.now()
  const sizeBytes = bundleFunction(name, join(out, name))
  const durationMs = Math.round(performance.now() - startedMs)
  const zippedBytes = gzipSync(readFileSync(join(out, name, 'index.mjs'))).length
  return [name, sizeBytes, zippedBytes, durationMs]
})
console.log(table(['function', 'bytes', 'zipped', 'ms'], rows))
