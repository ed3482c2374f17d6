/**
 * The features of a connection that speak of others: how many went to the same host or service a moment before, and how
 * they ended. Computed as KDD Cup 1999 describes them (Stolfo et al.), over two seconds and over the last 255 connections to a host.
 */
export interface Seen {
  readonly atMs: number
  readonly source: number
  readonly sourcePort: number
  readonly destination: number
  readonly service: string
  readonly flag: string
}

const WINDOW_MS = 2000
const WINDOW_COUNT_MAX = 511
const HOST_CONNECTIONS_MAX = 255
const SYN_ERRORS: ReadonlySet<string> = new Set(['S0', 'S1', 'S2', 'S3'])
const REJECTIONS: ReadonlySet<string> = new Set(['REJ', 'RSTR', 'RSTO'])

export class ConnectionHistory {
  #window: Seen[] = []
  readonly #byHost = new Map<number, Seen[]>()

  /** Takes `seen` in, not earlier than the one before, and returns features 23 to 41 in the order of the files. */
  add(seen: Seen): readonly string[] {
    this.#window = this.#window.filter(({ atMs }) => seen.atMs - atMs < WINDOW_MS)
    this.#window.push(seen)
    const host = this.#byHost.get(seen.destination) ?? []
    host.push(seen)
    if (host.length > HOST_CONNECTIONS_MAX) host.shift()
    this.#byHost.set(seen.destination, host)
    return [...this.#recent(seen), ...ofHost(seen, host)]
  }

  #recent(seen: Seen): readonly string[] {
    const sameHost = this.#window.filter(({ destination }) => destination === seen.destination)
    const sameService = this.#window.filter(({ service }) => service === seen.service)
    const shared = share(sameHost, ({ service }) => service === seen.service)
    return [
      whole(Math.min(WINDOW_COUNT_MAX, sameHost.length)),
      whole(Math.min(WINDOW_COUNT_MAX, sameService.length)),
      rate(share(sameHost, isSynError)),
      rate(share(sameService, isSynError)),
      rate(share(sameHost, isRejected)),
      rate(share(sameService, isRejected)),
      rate(shared),
      rate(otherServices(sameHost, seen)),
      rate(share(sameService, ({ destination }) => destination !== seen.destination)),
    ]
  }
}

function ofHost(seen: Seen, host: readonly Seen[]): readonly string[] {
  const sameService = host.filter(({ service }) => service === seen.service)
  return [
    whole(host.length),
    whole(sameService.length),
    rate(sameService.length / host.length),
    rate(otherServices(host, seen)),
    rate(share(host, ({ sourcePort }) => sourcePort === seen.sourcePort)),
    rate(share(sameService, ({ source }) => source !== seen.source)),
    rate(share(host, isSynError)),
    rate(share(sameService, isSynError)),
    rate(share(host, isRejected)),
    rate(share(sameService, isRejected)),
  ]
}

/** How many different services besides its own, for each connection. */
function otherServices(connections: readonly Seen[], { service }: Seen): number {
  const services = new Set(connections.map((connection) => connection.service))
  services.delete(service)
  return services.size / connections.length
}

function share(connections: readonly Seen[], holds: (connection: Seen) => boolean): number {
  return connections.length === 0 ? 0 : connections.filter(holds).length / connections.length
}

function isSynError({ flag }: Seen): boolean {
  return SYN_ERRORS.has(flag)
}

function isRejected({ flag }: Seen): boolean {
  return REJECTIONS.has(flag)
}

function whole(value: number): string {
  return String(value)
}

function rate(value: number): string {
  return Math.min(1, value).toFixed(2)
}
