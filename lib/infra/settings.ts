/**
 * What a deployment may choose, by context: `npx cdk deploy -c site=paris -c kafka=express`, or under "context" in cdk.json.
 * docs/operations.md describes each.
 */
export interface Settings {
  /** The name of this deployment: part of every record's origin, of the stack's name and of every resource name. */
  readonly site: string
  /**
   * The brokers. 'standard' (default): half the price of 'express' at rest, and every broker setting that exactness
   * rests on can be set and seen in the configuration. 'express': storage grows by itself and brokers recover faster;
   * the same durability settings are fixed by the service. 'none': everything but Kafka, for a trial of the rest.
   */
  readonly kafka: 'standard' | 'express' | 'none'
  /** Without the prefix `kafka.` or `express.`: `m7g.large`. */
  readonly brokerSize: string
  /** One or more in each of the three zones. */
  readonly brokers: number
  readonly kafkaVersion: string
  /** Volume of a standard broker. */
  readonly brokerStorageGiB: number
  /** How long topics keep records: the time that an outage of a stage may last before anything is lost. */
  readonly retentionDays: number
  /** The unit in which the batch layer takes over from the speed layer. Chosen once: a deployment refuses another. */
  readonly epochMinutes: number
  /** A stage that is this many records behind raises an alarm. */
  readonly lagRecordsMax: number
  /** By stage: raised by one, its mappings read their topics again from the first record held. Harmless: see rule 4. */
  readonly rewinds: ReadonlyMap<string, number>
  /** Address that the alarms are sent to. */
  readonly alarmEmail: string | undefined
  /** True deletes table, bucket, topics and cluster with the stack. For trials only. */
  readonly disposable: boolean
}

/** A setting that cannot be taken: the message as it is, no stack. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** Reads the settings with `read` (a CDK context look-up). Throws a SettingError that names the setting, its value and what it takes. */
export function readSettings(read: (name: string) => unknown): Settings {
  const kafka = oneOf(read, 'kafka', ['standard', 'express', 'none'])
  const brokers = count(read, 'brokers', 3)
  if (brokers % 3 !== 0)
    throw new SettingError(`context "brokers" must be a multiple of 3 zones, got ${brokers}`)
  const epochMinutes = count(read, 'epochMinutes', 60)
  if (1440 % epochMinutes !== 0)
    throw new SettingError(`context "epochMinutes" must divide a day, got ${epochMinutes}`)
  return {
    site: matching(read, 'site', 'main', /^[a-z][a-z0-9-]{0,19}$/),
    kafka,
    brokers,
    brokerSize: matching(read, 'brokerSize', 'm7g.large', /^m[57][a-z]*\.\d*x?large$/),
    kafkaVersion: matching(read, 'kafkaVersion', '3.9.x.kraft', /^\d+\.\d+\.(x|\d+)(\.kraft)?$/),
    brokerStorageGiB: count(read, 'brokerStorageGiB', 100),
    retentionDays: count(read, 'retentionDays', 7),
    epochMinutes,
    lagRecordsMax: count(read, 'lagRecordsMax', 100_000),
    rewinds: rewinds(read('rewind')),
    alarmEmail: optional(read, 'alarmEmail', /^[^@\s]+@[^@\s]+$/),
    disposable: oneOf(read, 'disposable', ['false', 'true']) === 'true',
  }
}

type Read = (name: string) => unknown

/** `count:1,archive:2` */
function rewinds(found: unknown): ReadonlyMap<string, number> {
  const pairs = typeof found === 'string' ? found.split(',').filter((pair) => pair !== '') : []
  return new Map(
    pairs.map((pair) => {
      const match = /^(score|count|archive|notify):([1-9]\d*)$/.exec(pair.trim())
      if (match === null)
        throw new SettingError(
          `context "rewind" takes STAGE:N, separated by commas, such as count:1; got "${pair}"`,
        )
      return [match[1] ?? '', Number(match[2])]
    }),
  )
}

function oneOf<T extends string>(read: Read, name: string, choices: readonly [T, ...T[]]): T {
  const found = String(read(name) ?? choices[0])
  const choice = choices.find((each) => each === found)
  if (choice === undefined)
    throw new SettingError(`context "${name}" must be one of ${choices.join(', ')}, got "${found}"`)
  return choice
}

function matching(read: Read, name: string, otherwise: string, pattern: RegExp): string {
  return optional(read, name, pattern) ?? otherwise
}

function optional(read: Read, name: string, pattern: RegExp): string | undefined {
  const found = read(name)
  if (found === undefined || found === '') return undefined
  if (!pattern.test(String(found)))
    throw new SettingError(`context "${name}" must match ${pattern}, got ${JSON.stringify(found)}`)
  return String(found)
}

function count(read: Read, name: string, otherwise: number): number {
  const found = Number(read(name) ?? otherwise)
  if (!Number.isInteger(found) || found < 1)
    throw new SettingError(
      `context "${name}" must be a whole number from 1 up, got ${JSON.stringify(read(name))}`,
    )
  return found
}
