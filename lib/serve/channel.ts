/** A channel of alerts: `alerts/<stream>`, each by itself, or `incidents/<stream>`, those of one group and window as one. */
export interface AlertChannel {
  readonly kind: 'alerts' | 'incidents'
  readonly stream: string
}

export const STATUS_CHANNEL = 'status'

export function channelName({ kind, stream }: AlertChannel): `${AlertChannel['kind']}/${string}` {
  return `${kind}/${stream}`
}

/** The parts of a channel's name; undefined where it is no channel of alerts. */
export function alertChannel(name: string): AlertChannel | undefined {
  const match = /^(alerts|incidents)\/([a-z][a-z0-9-]{0,39})$/.exec(name)
  return match === null ? undefined : { kind: match[1] as AlertChannel['kind'], stream: match[2] as string }
}

/** The stream of a channel `trends/<stream>`; undefined where it is no such channel. */
export function trendsStream(name: string): string | undefined {
  return /^trends\/([a-z][a-z0-9-]{0,39})$/.exec(name)?.[1]
}
