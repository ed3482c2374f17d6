import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { demoLogs } from '../../lib/collect/demo-logs.ts'
import { FolderStore } from '../../lib/local/folder-store.ts'
import type { Route } from '../../lib/local/http-api.ts'
import { incidentRoutes } from '../../lib/local/incident-routes.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { templateRoutes } from '../../lib/local/template-routes.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import type { TemplatesAnswer } from '../../lib/serve/dashboard-messages.ts'
import { AlertActions } from '../../lib/state/alert-actions.ts'
import { publishModel } from '../../lib/state/models.ts'
import type { Observed } from '../../lib/stream/detector.ts'
import { streams } from '../../streams/index.ts'
import { testPorts } from '../support/ports.ts'

const START_MS = Date.parse('2026-03-01T10:00:00Z')

describe('the routes of the local dashboard', () => {
  let dir: string
  let ports: Ports
  let routes: Readonly<Record<string, Route>>

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-routes-'))
    const keyed = await SqliteStore.open(join(dir, 'state.db'))
    const objects = await FolderStore.open(join(dir, 'objects'))
    ports = { ...testPorts({ keyed }), objects }
    const running = () => ({ ports, streams })
    routes = { ...templateRoutes(running), ...incidentRoutes(running) }
  })
  afterEach(async () => {
    await ports.keyed.close()
    await rm(dir, { recursive: true, force: true })
  })

  const call = (route: string, body: unknown, query = '') => {
    const answer = routes[route]?.({ query: new URLSearchParams(query), body })
    if (answer === undefined) throw new Error(`no route ${route}`)
    return answer
  }
  const templates = () => call('GET /api/templates', undefined, 'stream=logs') as Promise<TemplatesAnswer>
  const normal = (body: unknown) => call('POST /api/templates/normal', body)

  /** A model of two hours of the demo's lines. */
  async function train(): Promise<void> {
    const stream = streams.get('logs')
    if (stream?.detector?.learn === undefined) throw new Error('logs learn templates')
    const observed: Observed[] = []
    for (const { line, atMs } of demoLogs({ seed: 1, startMs: START_MS, pastMs: 2 * 3_600_000 })) {
      if (atMs >= 0) break
      const parsed = stream.parse(Buffer.from(line))
      if (parsed.ok) observed.push({ value: stream.enrich(parsed.value), eventTimeMs: START_MS + atMs })
    }
    const records = async function* () {
      yield observed
    }
    await publishModel(ports, 'logs', await stream.detector.learn(records, { seed: 1, active: undefined }))
  }

  it('tells of no template before there is a model, and then what each is and what is usual of it', async () => {
    expect(await templates()).toEqual({ version: null, lines: 0, slotMs: 0, templates: [] })
    await train()
    const { version, lines, slotMs, templates: found } = await templates()
    expect(version).not.toBeNull()
    expect(slotMs).toBe(300_000)
    expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(lines)
    const logins = found.find(({ template }) => template.startsWith('Failed password'))
    expect(logins).toMatchObject({ normal: false, rare: false })
    expect(logins?.usual.map(({ source }) => source)).toEqual(['auth-1'])
    const first = found[0]
    const aSlot = first?.usual.reduce((sum, { linesASlot }) => sum + linesASlot, 0) ?? 0
    // Twenty-four slots; the busiest are left out of what is usual.
    expect(aSlot * 24).toBeGreaterThan((first?.count ?? 0) * 0.8)
    expect(aSlot * 24).toBeLessThan((first?.count ?? 0) * 1.2)
  })

  it('calls a template normal and takes it back, with a model of its own each time', async () => {
    await train()
    const before = await templates()
    const templateId = before.templates[0]?.templateId
    await normal({ stream: 'logs', templateId })
    const marked = await templates()
    expect(marked.version).not.toBe(before.version)
    expect(marked.templates.filter((one) => one.normal).map((one) => one.templateId)).toEqual([templateId])
    await normal({ stream: 'logs', templateId, undo: true })
    expect((await templates()).templates.some((one) => one.normal)).toBe(false)
  })

  it('refuses what is no template, no stream of templates, and marks without a model', async () => {
    const id = 'a'.repeat(16)
    await expect(normal({ stream: 'logs', templateId: id })).rejects.toMatchObject({ status: 409 })
    await expect(normal({ stream: 'logs', templateId: 'x' })).rejects.toMatchObject({ status: 400 })
    await expect(normal({ stream: 'orders', templateId: id })).rejects.toMatchObject({ status: 404 })
    await expect(normal(null)).rejects.toMatchObject({ status: 404 })
  })

  it('marks incidents and suppresses groups as the command line does, and takes both back', async () => {
    const actions = new AlertActions('nids', ports)
    const incident = { stream: 'nids', id: 'i1', lastSeenMs: 5_000 }
    await call('POST /api/incidents', { ...incident, state: 'acknowledged', note: 'mine' })
    expect(await actions.markOf('i1')).toMatchObject({
      state: 'acknowledged',
      lastSeenMs: 5_000,
      note: 'mine',
    })
    await call('POST /api/incidents', { ...incident, state: 'closed' })
    expect(await actions.markOf('i1')).toMatchObject({ state: 'closed', cursor: '0.0' })
    await call('POST /api/incidents', { ...incident, state: 'closed', cursor: '7.2' })
    expect(await actions.markOf('i1')).toMatchObject({ state: 'closed', cursor: '7.2' })
    expect(await call('POST /api/incidents', { ...incident, state: 'open' })).toEqual({ mark: null })
    expect(await actions.markOf('i1')).toBeUndefined()
    await call('POST /api/suppress', { stream: 'nids', group: 'noise of h1' })
    expect((await actions.suppressions()).map(({ group }) => group)).toEqual(['noise of h1'])
    await call('POST /api/suppress', { stream: 'nids', group: 'noise of h1', undo: true })
    expect(await actions.suppressions()).toEqual([])
  })

  it('refuses marks that say nothing, and of streams that are not there', async () => {
    const incident = { stream: 'nids', id: 'i1', state: 'closed', lastSeenMs: 5_000 }
    const refused = async (route: string, body: unknown, status: number) =>
      expect(async () => await call(route, body)).rejects.toMatchObject({ status })
    await refused('POST /api/incidents', { ...incident, state: 'gone' }, 400)
    await refused('POST /api/incidents', { ...incident, stream: 'nope' }, 404)
    await refused('POST /api/incidents', { ...incident, cursor: 'x' }, 400)
    await refused('POST /api/incidents', { ...incident, note: 'x'.repeat(5_000) }, 400)
    await refused('POST /api/suppress', { stream: 'nids', group: '' }, 400)
    await refused('POST /api/suppress', undefined, 400)
  })
})
