import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleFunction } from '../../lib/infra/bundling.ts'
import { functionNames } from '../../lib/infra/functions.ts'

/** Outside the project, so that nothing can be found in its node_modules. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-bundle-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What Lambda has in a package of this size at 250 MB unzipped is no limit; a cold start is. */
const SIZE_BYTES_MAX = 1_500_000

test('there are functions to bundle', () => {
  expect(functionNames()).toEqual(expect.arrayContaining(['archive', 'count', 'notify', 'score', 'socket']))
})

test.each(functionNames())('%s is one file that stands alone and exports its handler', (name) => {
  const sizeBytes = bundleFunction(name, join(folder, name))
  expect(sizeBytes).toBeLessThan(SIZE_BYTES_MAX)
  const file = join(folder, name, 'index.mjs')
  const env = { WEIR_SITE: 'test', WEIR_STREAM: 'network', PATH: process.env.PATH ?? '' }
  const script = `const { handler } = await import(${JSON.stringify(file)}); console.log(typeof handler)`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, env })
  expect(out.toString().trim()).toBe('function')
})

test.each(functionNames())('%s carries the ports on AWS and none of this machine', (name) => {
  const text = readFileSync(join(folder, name, 'index.mjs'), 'utf8')
  expect(text).toContain('WEIR_TABLE')
  expect(text).not.toContain('node:sqlite')
  expect(text).not.toContain('@duckdb')
})

test('a function that is not there is named, beside those that are', () => {
  expect(() => bundleFunction('scores', folder)).toThrow(
    /no functions\/scores\/index.ts \(there are: archive, /,
  )
})
