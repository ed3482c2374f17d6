import { z } from 'zod'
import { provisionalTemplate } from '../lib/detect/template-matcher.ts'
import { templates } from '../lib/detect/templates.ts'
import type { HeaderPattern } from '../lib/formats/header-pattern.ts'
import { SYSTEM_HEADERS } from '../lib/formats/header-pattern-systems.ts'
import { LogLines } from '../lib/formats/syslog-line.ts'
import { defineStream } from '../lib/stream/define.ts'

/** How headers are read that are not syslog. A source with a header of its own is one more pattern in this list. */
export const HEADERS: readonly HeaderPattern[] = [...SYSTEM_HEADERS]

const lines = new LogLines(HEADERS)

/** A log line, taken apart. All of it but the message may be missing. */
const line = z.object({
  message: z.string(),
  /** How the header was read: rfc5424, rfc3164, the name of a header pattern, or none. */
  header: z.string(),
  timestamp: z.string().optional(),
  host: z.string().optional(),
  /** The program or component. */
  app: z.string().optional(),
  pid: z.string().optional(),
  /** As the line has it: INFO, notice, ... */
  level: z.string().optional(),
  facility: z.number().int().min(0).optional(),
  /** 0 (emergency) to 7 (debug): from the syslog priority, or from the level. */
  severityNumber: z.number().int().min(0).optional(),
  msgId: z.string().optional(),
  structured: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  /** What else the header holds. */
  extra: z.record(z.string(), z.string()).optional(),
})

const LEVELS = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'] as const

const added = z.object({
  /** The host, or the kind of header where it names none. */
  source: z.string(),
  severityLevel: z.enum(LEVELS).optional(),
  templateId: z.string(),
  /** The message with <*> for its variables. */
  template: z.string(),
  /** Whether the model knew it; if not, it is what the line's looks say. */
  templateKnown: z.boolean(),
})

export const logs = defineStream({
  name: 'logs',
  title: 'Log lines',
  description:
    'Syslog of RFC 3164 and RFC 5424, and lines of common systems; templates mined, new and rare ones raised.',
  format: lines.format(),
  schema: line,
  time: ({ header, timestamp }, appendTimeMs) => lines.timeOf(header, timestamp, appendTimeMs),
  enrich: {
    schema: added,
    add: ({ message, host, header, severityNumber }) => {
      const { id, template } = provisionalTemplate(message)
      const fields = { source: host ?? header, templateId: id, template, templateKnown: false }
      const level = severityNumber === undefined ? undefined : LEVELS[severityNumber]
      return level === undefined ? fields : { ...fields, severityLevel: level }
    },
  },
  detect: templates(
    { text: 'message', source: 'source', severity: 'severityNumber' },
    { rateView: 'byTemplateSource' },
  ),
  views: {
    byTemplate: {
      title: 'Lines by template',
      groupBy: ['templateId'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' } },
    },
    byTemplateSource: {
      title: 'Lines by template and source',
      groupBy: ['templateId', 'source'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' } },
    },
    bySource: {
      title: 'Lines by source',
      groupBy: ['source'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' } },
    },
    bySeverityLevel: {
      title: 'Lines by severity',
      groupBy: ['severityLevel'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' } },
    },
    bySeverity: {
      title: 'New and rare lines by severity',
      groupBy: ['@severity'],
      slotMs: 60_000,
      aggregates: { count: { kind: 'count' } },
    },
  },
  alerts: {
    title: ({ source, template, templateKnown }) =>
      `${templateKnown ? 'Rare' : 'New'} kind of line from ${source}: ${template}`,
    group: ({ source, templateId }) => `${source} ${templateId}`,
    windowMs: 3_600_000,
    // A flood of lines of a new kind is one thing to look at. What is rare is worth another look in the next hour.
    once: ({ source, templateId, templateKnown }) =>
      templateKnown
        ? { key: `rare ${templateId} ${source}`, windowMs: 3_600_000 }
        : { key: `new ${templateId}` },
  },
  partitions: 4,
})
