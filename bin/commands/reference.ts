import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Ports } from '../../lib/ports/ports.ts'
import {
  activateTable,
  listTables,
  putTable,
  ReferenceTableError,
  type TableVersion,
  tableBytes,
  tableVersions,
} from '../../lib/state/reference.ts'
import { type TableDefinition, TableError } from '../../lib/stream/table.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { table } from '../table.ts'
import { withPorts } from '../with-ports.ts'

export function register(program: Command): void {
  const reference = program
    .command('reference')
    .description(
      'The reference tables that streams look things up in: put a new file, go back to an earlier one, or list them.',
    )
  const putting = reference
    .command('put')
    .description('Use this file from now on; running functions take it up within seconds.')
    .argument('<name>', 'the table, e.g. sid-msg')
    .argument('<file>', 'the file')
  withCommonOptions(putting).action(put)
  const using = reference
    .command('use')
    .description('Use a version again that was put before: how one rolls back.')
    .argument('<name>', 'the table, e.g. sid-msg')
    .argument('<version>', 'as `weir reference list NAME` shows it, or its number alone')
  withCommonOptions(using).action(use)
  const listing = reference
    .command('list')
    .description('The tables there are, and which versions are in use; of one table, every version it has.')
    .argument('[name]', 'all versions of this table')
  withCommonOptions(listing).action(list)
}

async function put(name: string, file: string, options: CommonOptions): Promise<void> {
  const users = usersOf(name)
  const bytes = await readFile(file)
  for (const { definition } of users) check(name, file, definition, bytes)
  const version = await withPorts(options, (ports) => told(putTable(ports, name, bytes)))
  print(options, version, () => `${name} is ${version.version} from now on`)
}

async function use(name: string, wanted: string, options: CommonOptions): Promise<void> {
  const users = usersOf(name)
  const used = await withPorts(options, async (ports) => {
    const version = await versionNamed(ports, name, wanted)
    const bytes = await told(tableBytes(ports, name, version))
    for (const { definition } of users) check(name, version, definition, bytes)
    return told(activateTable(ports, name, version))
  })
  print(options, used, () => `${name} is ${used.version} from now on`)
}

/** A number stands for the version of that number. */
async function versionNamed(ports: Ports, name: string, wanted: string): Promise<string> {
  const versions = (await tableVersions(ports, name)).map(({ version }) => version)
  const isNamed = /^\d+$/.test(wanted)
    ? (version: string) => Number.parseInt(version, 10) === Number(wanted)
    : (version: string) => version === wanted
  const [found, ...others] = versions.filter(isNamed)
  if (found === undefined)
    throw new CommandError(`${name} has no version ${wanted}; it has ${versions.join(', ') || 'none yet'}`)
  // Two writers at once may have put files under one number; one of them was never in use.
  if (others.length > 0)
    throw new UsageError(`${wanted} may be ${[found, ...others].join(' or ')}: name it whole`)
  return found
}

async function told<T>(doing: Promise<T>): Promise<T> {
  return doing.catch((error: unknown) => {
    if (error instanceof ReferenceTableError) throw new CommandError(error.message, { cause: error })
    throw error
  })
}

function check(name: string, file: string, definition: TableDefinition<unknown>, bytes: Uint8Array): void {
  try {
    definition.parse(bytes)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    throw new CommandError(`${file}: ${error.message}. The table ${name} takes ${definition.takes}`, {
      cause: error,
    })
  }
}

async function list(name: string | undefined, options: CommonOptions): Promise<void> {
  if (name === undefined) return listAll(options)
  usersOf(name)
  const versions = await withPorts(options, (ports) => tableVersions(ports, name))
  if (versions.length === 0) say(`${name} was never put: weir reference put ${name} FILE`)
  print(options, { name, versions }, () =>
    table(
      ['version', 'in use', 'put', 'bytes'],
      versions.map(({ version, inUse, putMs, sizeBytes }) => [
        version,
        inUse ? 'yes' : '',
        new Date(putMs).toISOString(),
        sizeBytes,
      ]),
    ),
  )
}

async function listAll(options: CommonOptions): Promise<void> {
  const used = new Map<string, TableVersion>()
  await withPorts(options, async (ports) => {
    for (const version of await listTables(ports)) used.set(version.name, version)
  })
  const tables = [...known()].map(([name, users]) => {
    const streamNames = users.map(({ stream }) => stream)
    return { name, streams: streamNames, takes: users[0]?.definition.takes ?? '', ...used.get(name) }
  })
  if (tables.length === 0) say('no stream uses a reference table')
  print(options, { tables }, () =>
    table(
      ['table', 'streams', 'version', 'since', 'bytes', 'takes'],
      tables.map(({ name, streams: by, version, sinceMs, sizeBytes, takes }) => [
        name,
        by.join(' '),
        version ?? 'none yet',
        sinceMs === undefined ? '' : new Date(sinceMs).toISOString(),
        sizeBytes ?? '',
        takes,
      ]),
    ),
  )
}

interface User {
  readonly stream: string
  readonly definition: TableDefinition<unknown>
}

function usersOf(name: string): readonly User[] {
  const users = known().get(name)
  if (users !== undefined) return users
  throw new UsageError(
    `no stream uses a table ${name}; there are: ${[...known().keys()].join(', ') || 'none'}`,
  )
}

/** Tables by name, with the streams that use them. */
function known(): ReadonlyMap<string, readonly User[]> {
  const users = new Map<string, User[]>()
  for (const { name: stream, tables } of streams.values())
    for (const [name, definition] of Object.entries(tables))
      users.set(name, [...(users.get(name) ?? []), { stream, definition }])
  return users
}
