import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import {
  activate,
  activeModel,
  activeScorer,
  listModels,
  ModelRegistryError,
  modelBytes,
  publishModel,
} from '../../lib/state/models.ts'
import type { DetectorDefinition, TrainedModel } from '../../lib/stream/detector.ts'

const clock = { ms: 1_700_000_000_000, nowMs: () => clock.ms, sleep: async () => undefined }
const model = (text: string): TrainedModel => ({ bytes: Buffer.from(text), report: { rows: text.length } })

let dir: string
let ports: { keyed: KeyedStore; objects: ObjectStore; clock: typeof clock }

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'weir-models-'))
  const keyed = await SqliteStore.open(join(dir, 'state.db'), { clock })
  ports = { keyed, objects: await FolderStore.open(join(dir, 'objects')), clock }
})

afterEach(async () => {
  vi.restoreAllMocks()
  await ports.keyed.close()
  await ports.objects.close()
  rmSync(dir, { recursive: true })
})

describe('the model registry', () => {
  it('has none at first', async () => {
    expect(await activeModel(ports, 'network')).toBeUndefined()
    expect(await listModels(ports, 'network')).toEqual([])
  })

  it('publishes versions that count up and name their content, each the child of the one before', async () => {
    const first = await publishModel(ports, 'network', model('one'))
    clock.ms += 5
    const second = await publishModel(ports, 'network', model('two'), { parent: first.version })
    expect(first.version).toMatch(/^000001-[0-9a-f]{12}$/)
    expect(second.version).toMatch(/^000002-[0-9a-f]{12}$/)
    expect(second.parent).toBe(first.version)
    const listed = await listModels(ports, 'network')
    expect(listed.map(({ version, active }) => [version, active])).toEqual([
      [first.version, false],
      [second.version, true],
    ])
    expect(listed[1]?.report).toEqual({ rows: 3 })
    expect(Buffer.from(await modelBytes(ports, 'network', first.version)).toString()).toBe('one')
    expect(await activeModel(ports, 'network')).toEqual({ version: second.version, sinceMs: clock.ms })
  })

  it('publishes the active bytes again without a new version', async () => {
    const first = await publishModel(ports, 'network', model('one'))
    expect((await publishModel(ports, 'network', model('one'))).version).toBe(first.version)
    expect(await listModels(ports, 'network')).toHaveLength(1)
  })

  it('refuses a model that was judged against another than the active one', async () => {
    const first = await publishModel(ports, 'network', model('one'), { parent: undefined })
    await publishModel(ports, 'network', model('two'), { parent: first.version })
    await expect(publishModel(ports, 'network', model('three'), { parent: first.version })).rejects.toThrow(
      ModelRegistryError,
    )
    await expect(publishModel(ports, 'network', model('three'), { parent: undefined })).rejects.toThrow(
      /changed by somebody else/,
    )
  })

  it('lets one of two that publish at once win, whole', async () => {
    const results = await Promise.allSettled([
      publishModel(ports, 'network', model('left')),
      publishModel(ports, 'network', model('right')),
    ])
    const won = results.filter((result) => result.status === 'fulfilled')
    expect(won.length).toBeGreaterThanOrEqual(1)
    const active = await activeModel(ports, 'network')
    expect(won.map(({ value }) => value.version)).toContain(active?.version)
    const bytes = await modelBytes(ports, 'network', active?.version ?? '')
    expect(['left', 'right']).toContain(Buffer.from(bytes).toString())
  })

  it('rolls back to any version, and to none that is not there', async () => {
    const first = await publishModel(ports, 'network', model('one'))
    const second = await publishModel(ports, 'network', model('two'))
    await activate(ports, 'network', first.version)
    expect((await activeModel(ports, 'network'))?.version).toBe(first.version)
    await activate(ports, 'network', first.version)
    await expect(activate(ports, 'network', '000009-nothing')).rejects.toThrow(
      `network has no model 000009-nothing; it has ${first.version}, ${second.version}`,
    )
    const third = await publishModel(ports, 'network', model('three'))
    expect(third).toMatchObject({ version: expect.stringMatching(/^000003-/), parent: first.version })
  })

  it('keeps the streams apart', async () => {
    await publishModel(ports, 'network', model('one'))
    expect(await listModels(ports, 'net')).toEqual([])
    expect(await activeModel(ports, 'nids')).toBeUndefined()
  })
})

describe('activeScorer', () => {
  const loads: string[] = []
  const detector: DetectorDefinition = {
    kind: 'test',
    features: ['x'],
    train: () => model('x'),
    load: (bytes, version) => {
      const text = Buffer.from(bytes).toString()
      loads.push(version)
      if (text === 'broken') throw new Error('does not load')
      return {
        version,
        threshold: 0.5,
        scores: () => new Float64Array(0),
        severity: () => undefined,
        reasons: () => [],
      }
    },
  }
  const stream = { name: 'network', detector }

  beforeEach(() => {
    loads.length = 0
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
  })

  it('is undefined before the first model and without a detector', async () => {
    expect(await activeScorer(ports, stream)()).toBeUndefined()
    expect(await activeScorer(ports, { name: 'posts', detector: undefined })()).toBeUndefined()
  })

  it('takes up a published model within two seconds, loading it once', async () => {
    const scorer = activeScorer(ports, stream)
    expect(await scorer()).toBeUndefined()
    const { version } = await publishModel(ports, 'network', model('one'))
    clock.ms += 1_999
    expect(await scorer()).toBeUndefined()
    clock.ms += 1
    expect((await scorer())?.version).toBe(version)
    clock.ms += 60_000
    await scorer()
    await scorer()
    expect(loads).toEqual([version])
  })

  it('looks at the registry at most every two seconds', async () => {
    await publishModel(ports, 'network', model('one'))
    const scorer = activeScorer(ports, stream)
    const get = vi.spyOn(ports.keyed, 'get')
    for (let i = 0; i < 100; i++) {
      await scorer()
      clock.ms += 50
    }
    expect(get.mock.calls.length).toBe(3)
  })

  it('goes on with the last scorer while the registry cannot be read', async () => {
    const { version } = await publishModel(ports, 'network', model('one'))
    const scorer = activeScorer(ports, stream)
    await scorer()
    const down = new PortError('UNAVAILABLE', 'down', { curable: true })
    const get = vi.spyOn(ports.keyed, 'get').mockRejectedValue(down)
    clock.ms += 5_000
    expect((await scorer())?.version).toBe(version)
    get.mockRestore()
    const next = await publishModel(ports, 'network', model('two'))
    clock.ms += 5_000
    expect((await scorer())?.version).toBe(next.version)
  })

  it('throws where it has never read the registry: not knowing is not having none', async () => {
    const scorer = activeScorer(ports, stream)
    const down = new PortError('UNAVAILABLE', 'down', { curable: true })
    vi.spyOn(ports.keyed, 'get').mockRejectedValueOnce(down)
    await expect(scorer()).rejects.toThrow('down')
    expect(await scorer()).toBeUndefined()
  })

  it('keeps the last scorer where a new model does not load, and says so once', async () => {
    const { version } = await publishModel(ports, 'network', model('one'))
    const scorer = activeScorer(ports, stream)
    await scorer()
    const broken = await publishModel(ports, 'network', model('broken'))
    for (let i = 0; i < 3; i++) {
      clock.ms += 5_000
      expect((await scorer())?.version).toBe(version)
    }
    expect(loads).toEqual([version, broken.version])
    expect(console.error).toHaveBeenCalledTimes(1)
    await activate(ports, 'network', version)
    clock.ms += 5_000
    expect((await scorer())?.version).toBe(version)
  })
})
