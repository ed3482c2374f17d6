import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyProject } from '../support/project.ts'
import { AccessLog } from './access-log.ts'

/** docs/streams/adding.md, its samples compiled and its example run as a reader would: from the page's own text. */

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const OPTIONS = { timeout: 400_000, maxBuffer: 64 * 1024 * 1024 }

interface Fence {
  readonly language: string
  readonly code: string
}

let dir: string
let fences: readonly Fence[]

beforeAll(async () => {
  const page = await readFile(join(ROOT, 'docs/streams/adding.md'), 'utf8')
  fences = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }))
  dir = await mkdtemp(join(tmpdir(), 'weir-adding-'))
  await copyProject(dir)
  for (const [i, code] of fencesOf('ts').entries()) {
    const path = join(dir, /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `streams/sample-${i}.ts`)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, code)
  }
  const index = join(dir, 'streams/index.ts')
  await writeFile(index, withStream(await readFile(index, 'utf8')))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

function fencesOf(wanted: string): readonly string[] {
  const found = fences.flatMap(({ language, code }) => (language === wanted ? [code] : []))
  if (found.length === 0) throw new Error(`the page has no sample in ${wanted}`)
  return found
}

/** The list of streams with the lines that the page says to add: the import, and the name in the list. */
function withStream(index: string): string {
  const added = fencesOf('diff').flatMap((code) =>
    [...code.matchAll(/^\+(.*)$/gm)].map(([, line = '']) => line),
  )
  const [imported = '', listed = ''] = added
  const all = index.replace(/\n( *\]\.map\()/, `\n${listed}\n$1`)
  expect(added).toHaveLength(2)
  expect(all).not.toBe(index)
  return `${imported}\n${all}`
}

async function weir<T = unknown>(...args: readonly string[]): Promise<T> {
  const all = [join(dir, 'bin/weir.ts'), ...args, '--json', '--data', join(dir, 'data')]
  const { stdout } = await run(process.execPath, all, { ...OPTIONS, cwd: dir })
  return JSON.parse(stdout) as T
}

test('every sample compiles under the rules of the project', async () => {
  const tsconfig = JSON.parse(await readFile(join(ROOT, 'tsconfig.json'), 'utf8')) as object
  await writeFile(join(dir, 'tsconfig.json'), JSON.stringify({ ...tsconfig, include: ['streams', 'test'] }))
  const tsc = run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json'], { ...OPTIONS, cwd: dir })
  expect(await tsc.catch((error: { stdout: string }) => error)).toMatchObject({ stdout: '' })
})

test("the page's own test passes", async () => {
  const vitest = join(ROOT, 'node_modules/.bin/vitest')
  const options = { ...OPTIONS, cwd: dir, env: { ...process.env, NO_COLOR: '1' } }
  const { stdout } = await run(vitest, ['run', '--root', dir, 'test/streams/access.test.ts'], options)
  expect(stdout).toMatch(/Tests +2 passed/)
})

interface Rows {
  readonly rows: readonly { readonly key: string; readonly [aggregate: string]: unknown }[]
}

test('its stream, replayed, counts what is in the log, as awk does, and raises what it says', async () => {
  const log = new AccessLog(20261121)
  log.traffic(3_000)
  log.crawl('192.0.2.66', 49)
  log.crawl('192.0.2.67', 50)
  const file = join(dir, 'access.log')
  await writeFile(file, log.text)
  const summary = await weir<Record<string, number>>('replay', 'access', file)
  expect(summary).toMatchObject({ recordsIn: log.lines, deadLettered: log.dead, dropped: log.dropped })
  const [statuses, paths, { alerts }] = await Promise.all([
    weir<Rows>('query', 'access.byStatus'),
    weir<Rows>('query', 'access.byPath'),
    weir<{ alerts: readonly { title: string }[] }>('alerts', 'access', '--limit', '1000'),
  ])
  expect(new Map(statuses.rows.map(({ key, count, bytes }) => [key, { count, bytes }]))).toEqual(log.byStatus)
  expect(
    new Map(paths.rows.map(({ key, count, clients, errors }) => [key, { count, clients, errors }])),
  ).toEqual(
    new Map(
      [...log.byPath].map(([path, { count, clients, errors }]) => [
        path,
        { count, clients: clients.size, errors: errors / count },
      ]),
    ),
  )
  expect(await countedByAwk(file)).toEqual(
    Object.fromEntries(statuses.rows.map(({ key, count }) => [key, count])),
  )
  expect(log.probes).toBeGreaterThan(0)
  const probes = alerts.filter(({ title }) => title.startsWith('Probe from'))
  expect(probes.length).toBe(log.probes)
  const others = alerts.filter((alert) => !probes.includes(alert)).map(({ title }) => title)
  expect(others).toEqual([expect.stringMatching(/^Crawl.*192\.0\.2\.67/)])
})

/** By the page's own command. */
async function countedByAwk(file: string): Promise<Record<string, number>> {
  const [line = ''] = fencesOf('sh').flatMap((code) =>
    code.split('\n').filter((one) => one.startsWith('awk ')),
  )
  expect(line).toMatch(/ access\.log$/)
  const { stdout } = await run('sh', ['-c', line], { ...OPTIONS, cwd: dirname(file) })
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((row) => row.split(' '))
      .map(([status = '', n]) => [status, Number(n)]),
  )
}
