import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { weir } from '../end-to-end/weir.ts'

const DATA = '../shared/data/nids'
const NAMES = ['merged.log', 'multi-record-event.log', 'ipv6-alert.unified2', 'djcas9-unified2-current.log']
const SURICATA = ['first-org-conf-2015.alerts.json', 'wrccdc-2018.alerts.json']

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'weir-nids-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

describe.skipIf(!existsSync(DATA))('weir replay nids (skipped where ../shared/data/nids is absent)', () => {
  it('counts every event of the spools and of EVE once, as an independent count has it', async () => {
    const eve = join(data, 'eve.json')
    const suricata = SURICATA.flatMap(
      (name) => JSON.parse(readFileSync(join(DATA, 'suricata', name), 'utf8')) as SuricataEvent[],
    )
    await writeFile(eve, suricata.map((event) => JSON.stringify(event)).join('\n'))
    const sources = [...NAMES.map((name) => join(DATA, name)), eve]
    const replayed = await weir(['replay', 'nids', ...sources, '--json', '--data', join(data, 'site')])
    expect(replayed.err).not.toContain('Error')
    const wanted = new Map<string, number>()
    const count = (rule: string) => wanted.set(rule, (wanted.get(rule) ?? 0) + 1)
    for (const name of NAMES) for (const event of expectedEvents(name)) count(event)
    for (const { alert } of suricata) count(`${alert.gid}:${alert.signature_id}`)
    const events = [...wanted.values()].reduce((sum, one) => sum + one, 0)
    expect(JSON.parse(replayed.out)).toMatchObject({
      recordsIn: events,
      recordsScored: events,
      counted: events,
      archived: events,
      deadLettered: 0,
    })
    const asked = await weir(['query', 'nids.bySignature', '--json', '--data', join(data, 'site')])
    const { rows } = JSON.parse(asked.out) as { rows: { key: string; count: number }[] }
    expect(new Map(rows.map(({ key, count: n }) => [key, n]))).toEqual(
      new Map([...wanted].sort(([a], [b]) => (a < b ? -1 : 1))),
    )
  }, 120_000)
})

interface SuricataEvent {
  readonly alert: { readonly gid: number; readonly signature_id: number }
}

function expectedEvents(name: string): readonly string[] {
  const path = join(DATA, 'expected', `${name}.u2json.jsonl`)
  const text = existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`))
  const lines = text.toString().trim().split('\n')
  const records = lines.map((line) => JSON.parse(line) as { type: string; event?: Record<string, number> })
  return records.flatMap(({ event }) =>
    event === undefined ? [] : `${event['generator-id']}:${event['signature-id']}`,
  )
}
