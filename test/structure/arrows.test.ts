import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Which rooms a room may import from, besides itself. docs/architecture.md draws it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'lib/stream': [],
  'lib/formats': ['lib/stream'],
  'lib/views': ['lib/stream'],
  'lib/detect': ['lib/stream'],
  'lib/ports': ['lib/stream'],
  'lib/state': ['lib/ports', 'lib/stream', 'lib/formats', 'lib/views'],
  'lib/master': ['lib/ports', 'lib/stream', 'lib/formats', 'lib/views', 'lib/state'],
}
const PURE = ['lib/stream', 'lib/formats', 'lib/views', 'lib/detect']
const LOGIC_SHARED = [
  'lib/ports',
  'lib/stream',
  'lib/formats',
  'lib/views',
  'lib/detect',
  'lib/state',
  'lib/master',
]
const LOGIC = ['lib/speed', 'lib/batch', 'lib/serve', 'lib/collect']
const OUTER = ['lib/aws', 'lib/local', 'lib/infra']

function allowed(room: string): readonly string[] | 'any' {
  const fixed = MAY_IMPORT[room]
  if (fixed !== undefined) return fixed
  if (LOGIC.includes(room)) return LOGIC_SHARED
  // Adapters know ports; the local runtime also starts stages, and the constructs bundle functions.
  if (room === 'lib/aws') return ['lib/ports', 'lib/stream']
  if (OUTER.includes(room))
    return [...LOGIC_SHARED, ...LOGIC, room === 'lib/local' ? 'lib/aws' : 'lib/infra', 'streams']
  if (room === 'streams') return ['lib/stream', 'lib/formats', 'lib/detect']
  return 'any'
}

interface Import {
  readonly file: string
  readonly room: string
  readonly specifier: string
  readonly target: string | undefined
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}

function roomOf(file: string): string {
  const [first = '', second = ''] = file.split('/')
  return first === 'lib' ? `lib/${second}` : first
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/(?:from\s+|import\s*\(?\s*)'([^'\n]+)'/g)].map(([, specifier = '']) => {
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : undefined
    return { file, room: roomOf(file), specifier, target }
  })
}

const imports = ['lib', 'streams', 'functions', 'bin'].flatMap(filesUnder).flatMap(importsOf)

describe('the arrows between folders', () => {
  it('finds the code it speaks of', () => {
    const rooms = new Set(imports.map(({ room }) => room))
    for (const room of ['lib/stream', 'lib/views', 'lib/speed', 'lib/state', 'functions'])
      expect(rooms).toContain(room)
  })

  it('go one way', () => {
    const wrong = imports.filter(({ room, target }) => {
      if (target === undefined) return false
      const to = roomOf(target)
      const may = allowed(room)
      return to !== room && may !== 'any' && !may.includes(to)
    })
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
  })

  it('never lead from functions to embedded adapters, but through #ports', () => {
    const wrong = imports.filter(
      ({ room, target }) =>
        room === 'functions' && target !== undefined && /^lib\/(local|aws|infra)\//.test(target),
    )
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
  })
})

describe('pure folders', () => {
  const PURE_MODULES =
    /^(zod|hyparquet|hyparquet-writer|hyparquet-compressors|mmdb-lib|pure-rand|node:(crypto|zlib|buffer|util))(\/|$)/
  const WORLD =
    /\b(Date\.now\(|new Date\(\)|Math\.random\(|process\.env|performance\.now\(|setTimeout\(|fetch\()/

  it('import no SDK, file system or network', () => {
    const wrong = imports.filter(
      ({ room, target, specifier }) =>
        PURE.includes(room) && target === undefined && !PURE_MODULES.test(specifier),
    )
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
  })

  it('take time and chance as arguments', () => {
    const wrong = PURE.flatMap(filesUnder).filter((file) =>
      WORLD.test(readFileSync(join(ROOT, file), 'utf8')),
    )
    expect(wrong).toEqual([])
  })

  it('hide nothing from the outside: ports are interfaces and know streams only', () => {
    const wrong = imports.filter(({ room, target }) => room === 'lib/ports' && target === undefined)
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
  })
})
