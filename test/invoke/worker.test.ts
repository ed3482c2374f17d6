import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InvokeAnswer, invokeFunction } from '../../lib/local/invoke.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-worker-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a function written for the test. */
function run(code: string, timeoutMs = 60_000): Promise<InvokeAnswer> {
  const file = join(folder, `${crypto.randomUUID()}.mjs`)
  writeFileSync(file, code)
  const options = { functionName: 'own', file, event: { n: 20 }, stream: undefined, topics: [] }
  return invokeFunction({ ...options, dataDir: join(folder, 'data'), site: 'test', timeoutMs })
}

test('the handler gets the event and a context with its name and the time it has', async () => {
  const { answered } = await run(
    'export const handler = async ({ n }, context) => ({ n: n + 1, name: context.functionName, left: context.getRemainingTimeInMillis() })',
  )
  expect(answered).toEqual({ n: 21, name: 'own', left: expect.any(Number) })
  expect((answered as { left: number }).left).toBeGreaterThan(30_000)
})

test('a function that never answers is killed a second after its time', async () => {
  const hanging = run(
    'export const handler = () => new Promise((resolve) => setTimeout(resolve, 60_000))',
    300,
  )
  await expect(hanging).rejects.toThrow('functions/own was killed after 300 ms before it answered')
})

test('a function that takes its process down is said to have done so', async () => {
  await expect(run('export const handler = () => process.exit(7)')).rejects.toThrow(
    'functions/own ended (exit code 7) before it answered',
  )
})

test('a file without a handler, or that does not load, is an error of the function', async () => {
  expect((await run('export const handle = 1')).error?.message).toMatch(/exports no handler/)
  expect((await run("throw new TypeError('no')")).error).toMatchObject({ name: 'TypeError', message: 'no' })
})
