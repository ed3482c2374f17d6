import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { AlertList } from '../../lib/serve/alerts.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { Site } from '../end-to-end/site.ts'
import { answer, eventually, inFolder } from '../end-to-end/weir.ts'
import { attacks, eveLine, HOUR_MS, nearMisses, START_MS } from './nids-eve.ts'

/** In an order of time, so that attacks and near misses are mixed. */
function file(): string {
  const all = [...attacks(), ...nearMisses()].toSorted((a, b) => a.atMs - b.atMs)
  return `${all.map(eveLine).join('\n')}\n`
}

function summary({ record, severity, title }: Alert): unknown {
  return [record.pattern, record.source_ip, severity, title]
}

const DUE = [
  ['bruteForce', '198.51.100.3', 'high', 'Brute force: 198.51.100.3|10.0.0.1: 20 failures in 5 minutes'],
  ['hostSweep', '198.51.100.2', 'medium', 'Host sweep: 198.51.100.2: 30 hosts in 5 minutes'],
  ['manyAlerts', '198.51.100.5', 'medium', 'Many alerts: 198.51.100.5: 150 alerts in 10 minutes'],
  ['portScan', '198.51.100.1', 'medium', 'Port scan: 198.51.100.1: 30 ports in 5 minutes'],
  [
    'scanThenExploit',
    '10.0.3.4',
    'high',
    'Exploit after a scan, from inside: 10.0.3.4: exploits 3,600 s after probes',
  ],
  ['slowScan', '198.51.100.4', 'medium', 'Slow port scan: 198.51.100.4: 55 ports in 60 minutes'],
]

describe('patterns of intrusion alerts', () => {
  it('are found in a replay, each attack once and no near miss, and joined to incidents', async () => {
    await inFolder(async (dir) => {
      const eve = join(dir, 'eve.json')
      await writeFile(eve, file())
      const at = ['--data', join(dir, 'site')]
      await answer(['replay', 'nids', eve, ...at])
      const { alerts } = await answer<AlertList>(['alerts', 'nids', '--since', 'start', ...at])
      expect(alerts.map(summary).sort()).toEqual(DUE)
      const scan = alerts.find(({ record }) => record.pattern === 'portScan')
      expect(scan).toMatchObject({
        firstSeenMs: START_MS,
        lastSeenMs: START_MS + 29 * 9_000,
        record: { alerts: 30, ports: 30, hosts: 1, limit: 30 },
      })
      const chain = alerts.find(({ record }) => record.pattern === 'scanThenExploit')
      expect((chain?.lastSeenMs ?? 0) - (chain?.firstSeenMs ?? 0)).toBe(HOUR_MS)
      // The same records again are new records, and the same alerts.
      await answer(['replay', 'nids', eve, '--new', ...at])
      const again = await answer<AlertList>(['alerts', 'nids', '--since', 'start', ...at])
      expect(again.alerts.filter(({ id }) => alerts.some((one) => one.id === id))).toHaveLength(DUE.length)
      const incidents = await answer<AlertList>(['alerts', 'nids', '--incidents', '--since', 'start', ...at])
      expect(incidents.alerts.map(({ group }) => group)).toEqual(
        expect.arrayContaining(['scanning 198.51.100.1', 'bruteForce 198.51.100.3|10.0.0.1']),
      )
    })
  }, 120_000)

  it('are pushed to who subscribed though nothing else happens on the stream', async () => {
    await inFolder(async (dir) => {
      const site = await Site.start(join(dir, 'site'))
      const alerts: Alert[] = []
      // The client of the page asks now and then, and would be served then: this one says nothing more.
      const socket = new WebSocket(site.webSocketUrl)
      let told = 0
      socket.on('message', (data) => {
        told++
        alerts.push(...((JSON.parse(String(data)) as { alerts?: readonly Alert[] }).alerts ?? []))
      })
      await once(socket, 'open')
      socket.send(JSON.stringify({ action: 'subscribe', channel: 'alerts/nids', since: 'start' }))
      await eventually('the subscription to begin', () => (told > 0 ? true : undefined))
      const { status } = await site.post('/streams/nids/records', file(), {
        'content-type': 'application/x-ndjson',
      })
      expect(status).toBe(200)
      await eventually('the alerts to be pushed', () => (alerts.length >= DUE.length ? true : undefined))
      expect(alerts.map(summary).sort()).toEqual(DUE)
      socket.close()
      site.process.child.kill('SIGTERM')
      await once(site.process.child, 'exit')
    })
  }, 120_000)
})
