import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { register } from '../../bin/commands/reference.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-reference-command-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(dir, { recursive: true })
})

/** What the command printed on stdout, as JSON. */
async function reference(...args: readonly string[]): Promise<unknown> {
  const program = new Command('weir').exitOverride().configureOutput({ writeErr: () => undefined })
  register(program)
  let out = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  try {
    await program.parseAsync(['node', 'weir', 'reference', ...args, '--json', '--data', join(dir, 'data')])
  } finally {
    write.mockRestore()
  }
  return JSON.parse(out)
}

function file(name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

const put = async (text: string) =>
  ((await reference('put', 'bad-addresses', file('list.txt', text))) as { version: string }).version

test('an earlier version is used again, by its name or by its number', async () => {
  const first = await put('10.0.0.1\n')
  const second = await put('10.0.0.2\n')
  expect(await reference('use', 'bad-addresses', '1')).toMatchObject({ version: first })
  expect(await reference('list', 'bad-addresses')).toMatchObject({
    versions: [
      { version: first, inUse: true },
      { version: second, inUse: false },
    ],
  })
  expect(await reference('use', 'bad-addresses', second)).toMatchObject({ version: second })
  const { tables } = (await reference('list')) as { tables: { name: string; version?: string }[] }
  expect(tables.find(({ name }) => name === 'bad-addresses')).toMatchObject({ version: second })
})

test('a version or a table that is not there is refused, and told what there is', async () => {
  const first = await put('10.0.0.1\n')
  await expect(reference('use', 'bad-addresses', '7')).rejects.toThrow(`it has ${first}`)
  await expect(reference('use', 'bad-addresses', '../x')).rejects.toThrow(`it has ${first}`)
  await expect(reference('use', 'nothing', '1')).rejects.toThrow('no stream uses a table nothing')
  await expect(reference('list', 'nothing')).rejects.toThrow('no stream uses a table nothing')
})
