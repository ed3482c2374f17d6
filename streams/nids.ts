import { z } from 'zod'
import { type Activity, activityOf } from '../lib/detect/activity.ts'
import { points } from '../lib/detect/points.ts'
import { subnetOf } from '../lib/formats/ip.ts'
import { mmdb } from '../lib/formats/mmdb.ts'
import { networkList } from '../lib/formats/network-list.ts'
import { classificationConfig, genMsgMap, sidMsgMap, signatureKey } from '../lib/formats/snort-maps.ts'
import { unified2OrEve } from '../lib/formats/unified2-or-eve.ts'
import { defineStream } from '../lib/stream/define.ts'
import type { Severity } from '../lib/stream/detector.ts'

const whole = z.number().int().min(0)

/** An alert of Snort or Suricata, under the names that both have a meaning for. */
const record = z.object({
  /** `late`: packets or extra data without their event. `other`: what a sensor writes that is no alert. */
  kind: z.enum(['alert', 'late', 'other']),
  sensor: z.enum(['snort', 'suricata']),
  /** Time of the event with microseconds. */
  timestamp: z.string().optional(),
  generator_id: whole.optional(),
  signature_id: whole.optional(),
  signature_revision: whole.optional(),
  classification_id: whole.optional(),
  /** 1 is the gravest; 0: the sensor did not say. */
  priority: whole.optional(),
  protocol: z.string().optional(),
  source_ip: z.string().optional(),
  source_port: whole.optional(),
  destination_ip: z.string().optional(),
  destination_port: whole.optional(),
  icmp_type: whole.optional(),
  icmp_code: whole.optional(),
  blocked: z.enum(['no', 'yes', 'would have been']).optional(),
  impact_flag: whole.optional(),
  impact: whole.optional(),
  mpls_label: whole.optional(),
  vlan_id: whole.optional(),
  policy_id: whole.optional(),
  app_name: z.string().optional(),
  sensor_id: whole.optional(),
  event_id: whole.optional(),
  event_second: whole.optional(),
  /** Message and class as Suricata writes them into the event. */
  signature: z.string().optional(),
  category: z.string().optional(),
  event_type: z.string().optional(),
  packets: z.array(z.record(z.string(), z.unknown())).optional(),
  extra_data: z.array(z.record(z.string(), z.unknown())).optional(),
  other_records: z.array(z.record(z.string(), z.unknown())).optional(),
})

const place = z.enum(['local', 'external'])

const added = z.object({
  /** `gid:sid`, and what it means. */
  rule: z.string(),
  message: z.string(),
  references: z.array(z.string()).optional(),
  /** Short name of the class where the classification table knows it. */
  class: z.string(),
  class_description: z.string().optional(),
  /** What somebody does who raises an alert of that class. */
  activity: z.string(),
  /** The sensor's, or its class's where the sensor did not say; 1 to 4. */
  urgency: z.number().int(),
  source_place: place,
  destination_place: place,
  direction: z.enum(['inbound', 'outbound', 'internal', 'external']),
  /** Which end is on a list of bad addresses. */
  bad_address: z.enum(['source', 'destination', 'both']).optional(),
  source_cloud: z.string().optional(),
  destination_cloud: z.string().optional(),
  source_country: z.string().optional(),
  destination_country: z.string().optional(),
  source_as: z.string().optional(),
  destination_as: z.string().optional(),
  /** The set of reference tables that these fields come from. */
  tables: z.string().optional(),
})

/** Private, link-local and loopback networks: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291. */
const LOCAL = `10.0.0.0/8
172.16.0.0/12
192.168.0.0/16
100.64.0.0/10
169.254.0.0/16
127.0.0.0/8
fc00::/7
fe80::/10
::1`

const DIRECTIONS = {
  local: { local: 'internal', external: 'outbound' },
  external: { local: 'inbound', external: 'external' },
} as const

/** Classes of exploits that aim at an account, as the classification table and Suricata name them. */
const TAKEN_OVER = [
  'attempted-user',
  'Attempted User Privilege Gain',
  'successful-user',
  'Successful User Privilege Gain',
  'attempted-admin',
  'Attempted Administrator Privilege Gain',
  'successful-admin',
  'Successful Administrator Privilege Gain',
]

/** When a key was first and last seen. */
const SEEN = {
  first: { kind: 'min', field: '@eventTime' },
  last: { kind: 'max', field: '@eventTime' },
} as const

export const nids = defineStream({
  name: 'nids',
  title: 'Intrusion alerts',
  description:
    'Alerts of Snort (unified2 spools) and Suricata (EVE JSON), joined with their packets and enriched.',
  format: unified2OrEve(),
  schema: record,
  time: ({ timestamp }) => (timestamp === undefined ? undefined : Date.parse(timestamp)),
  key: ({ source_ip }) => source_ip,
  drop: [
    { rule: 'packets or extra data without their event', when: ({ kind }) => kind === 'late' },
    { rule: 'not an alert', when: ({ kind }) => kind === 'other' },
  ],
  enrich: {
    schema: added,
    tables: {
      'sid-msg': sidMsgMap(),
      'gen-msg': genMsgMap(),
      classification: classificationConfig(),
      'local-networks': networkList(LOCAL),
      'bad-addresses': networkList(),
      'cloud-networks': networkList(),
      geoip: mmdb(),
      asn: mmdb(),
    },
    add: (alert, tables, version) => {
      const { source_ip: source = '', destination_ip: destination = '' } = alert
      const rule = signatureKey(alert.generator_id ?? 1, alert.signature_id ?? 0)
      const known = tables['sid-msg'].get(rule)
      const category = alert.category === '' ? undefined : alert.category
      const { byId, byDescription } = tables.classification
      const found = category === undefined ? byId(alert.classification_id ?? 0) : byDescription(category)
      const localNetworks = tables['local-networks']
      const source_place = placeOf(localNetworks.find(source))
      const destination_place = placeOf(localNetworks.find(destination))
      const priority = alert.priority === 0 ? undefined : alert.priority
      const className = found?.name ?? category ?? `class ${alert.classification_id ?? 0}`
      return {
        rule,
        message: alert.signature ?? known?.message ?? tables['gen-msg'].get(rule) ?? rule,
        references: known?.references.length ? [...known.references] : undefined,
        class: className,
        activity: activityOf(className),
        class_description: found?.description ?? category,
        urgency: priority ?? found?.priority ?? 3,
        source_place,
        destination_place,
        direction: DIRECTIONS[source_place][destination_place],
        bad_address: badEnd(tables['bad-addresses'].find(source), tables['bad-addresses'].find(destination)),
        source_cloud: tables['cloud-networks'].find(source),
        destination_cloud: tables['cloud-networks'].find(destination),
        source_country: countryOf(tables.geoip.get(source)),
        destination_country: countryOf(tables.geoip.get(destination)),
        source_as: systemOf(tables.asn.get(source)),
        destination_as: systemOf(tables.asn.get(destination)),
        tables: version === '' ? undefined : version,
      }
    },
  },
  score: points({
    version: 'nids-points-2',
    severities: [
      { severity: 'low', from: 0.4 },
      { severity: 'medium', from: 0.6 },
      { severity: 'high', from: 0.8 },
      { severity: 'critical', from: 0.95 },
    ],
    rules: [
      {
        field: 'urgency',
        points: { 1: 0.65, 2: 0.4, 3: 0.15 },
        because: 'is how grave the rule is (1 is worst)',
      },
      {
        field: 'bad_address',
        points: { source: 0.25, destination: 0.3, both: 0.35 },
        because: 'is on a list of bad addresses',
      },
      {
        field: 'direction',
        points: { inbound: 0.05, outbound: 0.1, internal: 0.1 },
        because: 'touches the local network',
      },
      { field: 'blocked', points: { yes: -0.3 }, because: 'was stopped' },
    ],
  }),
  views: {
    bySignature: {
      title: 'Alerts by signature',
      groupBy: ['rule'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' }, sources: { kind: 'distinct', field: 'source_ip' } },
    },
    byClass: {
      title: 'Alerts by class',
      groupBy: ['class'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' }, gravest: { kind: 'min', field: 'urgency' } },
    },
    bySource: {
      title: 'Alerts by source address',
      groupBy: ['source_ip'],
      slotMs: 300_000,
      aggregates: {
        count: { kind: 'count' },
        hosts: { kind: 'distinct', field: 'destination_ip' },
        ports: { kind: 'distinct', field: 'destination_port' },
      },
    },
    byDestination: {
      title: 'Alerts by destination address',
      groupBy: ['destination_ip'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' }, sources: { kind: 'distinct', field: 'source_ip' } },
    },
    byDirection: {
      title: 'Alerts by direction',
      groupBy: ['direction'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' } },
    },
    scans: {
      title: 'Ports and hosts that a source tries',
      groupBy: ['source_ip'],
      slotMs: 60_000,
      retentionDays: 30,
      aggregates: {
        alerts: { kind: 'count' },
        ports: { kind: 'distinct', field: 'destination_port' },
        hosts: { kind: 'distinct', field: 'destination_ip' },
        ...SEEN,
      },
    },
    failedLogins: {
      title: 'Logins of a source that a host refused',
      where: [{ field: 'activity', in: ['logins'] }],
      groupBy: ['source_ip', 'destination_ip'],
      slotMs: 60_000,
      retentionDays: 30,
      aggregates: { failures: { kind: 'count' }, ...SEEN },
    },
    probes: {
      title: 'Scanning by local hosts',
      where: [
        { field: 'source_place', in: ['local'] },
        { field: 'activity', in: ['scanning'] },
      ],
      groupBy: ['source_ip'],
      slotMs: 600_000,
      retentionDays: 30,
      aggregates: { alerts: { kind: 'count' }, ...SEEN },
    },
    exploits: {
      title: 'Attempts on accounts by local hosts',
      where: [
        { field: 'source_place', in: ['local'] },
        { field: 'activity', in: ['exploits'] },
        { field: 'class', in: TAKEN_OVER },
      ],
      groupBy: ['source_ip'],
      slotMs: 600_000,
      retentionDays: 30,
      aggregates: { alerts: { kind: 'count' }, ...SEEN },
    },
  },
  patterns: {
    portScan: {
      kind: 'threshold',
      title: 'Port scan',
      severity: 'medium',
      group: 'scanning',
      view: 'scans',
      aggregate: 'ports',
      limit: 30,
      windowMs: 300_000,
    },
    slowScan: {
      kind: 'threshold',
      title: 'Slow port scan',
      severity: 'medium',
      group: 'scanning',
      view: 'scans',
      aggregate: 'ports',
      limit: 55,
      windowMs: 3_600_000,
    },
    manyAlerts: {
      kind: 'threshold',
      title: 'Many alerts',
      severity: 'medium',
      group: 'scanning',
      view: 'scans',
      aggregate: 'alerts',
      limit: 150,
      windowMs: 600_000,
    },
    hostSweep: {
      kind: 'threshold',
      title: 'Host sweep',
      severity: 'medium',
      group: 'scanning',
      view: 'scans',
      aggregate: 'hosts',
      limit: 30,
      windowMs: 300_000,
    },
    bruteForce: {
      kind: 'threshold',
      title: 'Brute force',
      severity: 'high',
      view: 'failedLogins',
      aggregate: 'failures',
      limit: 20,
      windowMs: 300_000,
    },
    scanThenExploit: {
      kind: 'sequence',
      title: 'Exploit after a scan, from inside',
      severity: 'high',
      first: 'probes',
      next: 'exploits',
      windowMs: 3_600_000,
    },
  },
  alerts: {
    title: ({ message, source_ip, destination_ip }) => `${message}: ${source_ip} to ${destination_ip}`,
    group: groupOf,
    windowMs: 86_400_000,
  },
  partitions: 4,
})

function placeOf(network: string | undefined): z.output<typeof place> {
  return network === undefined ? 'external' : 'local'
}

function badEnd(
  source: string | undefined,
  destination: string | undefined,
): z.output<typeof added>['bad_address'] {
  if (source !== undefined) return destination === undefined ? 'source' : 'both'
  return destination === undefined ? undefined : 'destination'
}

/** What a host that is nobody else's by now has no reason to do. */
const HOSTILE: ReadonlySet<Activity> = new Set([
  'scanning',
  'logins',
  'exploits',
  'malware',
  'denial of service',
])

/**
 * What an analyst handles as one thing, within a day: hosts of a local network that attack others there; whatever speaks to
 * one bad address, gravely; for all else the rule, however many hosts set it off. docs/decisions/incidents.md has what else
 * was measured.
 */
function groupOf(
  alert: {
    readonly rule: string
    readonly class: string
    readonly direction: string
    readonly source_ip?: string | undefined
    readonly destination_ip?: string | undefined
  },
  severity: Severity,
): string {
  const { rule, direction, source_ip = '', destination_ip = '' } = alert
  const activity = activityOf(alert.class)
  const grave = severity === 'high' || severity === 'critical'
  if (HOSTILE.has(activity)) {
    if (direction === 'internal') return `${activity} from ${subnetOf(source_ip)}`
    if (direction === 'outbound' && grave) return `${activity} to ${destination_ip}`
  }
  return grave ? `${rule}, grave` : rule
}

/** ISO 3166 code. */
function countryOf(found: object | undefined): string | undefined {
  if (found === undefined || !('country' in found)) return undefined
  const { country } = found
  return typeof country === 'object' && country !== null && 'iso_code' in country
    ? String(country.iso_code)
    : undefined
}

/** `AS15169 Google LLC`. */
function systemOf(found: object | undefined): string | undefined {
  if (found === undefined || !('autonomous_system_number' in found)) return undefined
  const name = 'autonomous_system_organization' in found ? ` ${found.autonomous_system_organization}` : ''
  return `AS${found.autonomous_system_number}${name}`
}
