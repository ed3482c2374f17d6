import type { BatchFigures, Metrics } from '../ports/metrics.ts'

const NAMESPACE = 'Weir'
/** CloudWatch ignores a line with more. */
const FIGURES_MAX = 100
const TAKEN: ReadonlySet<string> = new Set(['_aws', 'site', 'stream', 'stage'])

/**
 * Metrics as one log line a batch in CloudWatch's embedded format, dimensions site, stream and stage. Lambda passes
 * what stands on stdout to CloudWatch as it is, where `console.log` might wrap it in a log record of its own.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export class EmfMetrics implements Metrics {
  readonly #site: string
  readonly #write: (line: string) => void

  constructor(site: string, write: (line: string) => void = (line) => void process.stdout.write(line)) {
    this.#site = site
    this.#write = write
  }

  record({ stage, stream, figures }: BatchFigures): void {
    const kept = Object.entries(figures)
      .filter(([name, value]) => Number.isFinite(value) && !TAKEN.has(name))
      .slice(0, FIGURES_MAX)
    if (kept.length === 0) return
    const directive = {
      Namespace: NAMESPACE,
      Dimensions: [['site', 'stream', 'stage']],
      Metrics: kept.map(([name]) => ({ Name: name, Unit: unitOf(name) })),
    }
    const line = {
      _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
      site: this.#site,
      stream,
      stage,
      ...Object.fromEntries(kept),
    }
    try {
      this.#write(`${JSON.stringify(line)}\n`)
    } catch {
      // A closed stdout loses figures, never records.
    }
  }
}

/** The unit ends the name (lib/ports/metrics.ts); CloudWatch has names of its own for units. */
function unitOf(name: string): string {
  if (/Ms$/.test(name)) return 'Milliseconds'
  if (/Us$/.test(name)) return 'Microseconds'
  if (/PerSecond$/.test(name)) return 'Count/Second'
  if (/[a-z]S$|Seconds$/.test(name)) return 'Seconds'
  if (/Bytes$/i.test(name)) return 'Bytes'
  return /Percent$/.test(name) ? 'Percent' : 'Count'
}
