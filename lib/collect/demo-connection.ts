/** A connection as it is made up, before the features that speak of others are added. */
export interface DemoDraft {
  readonly source: number
  readonly sourcePort: number
  readonly destination: number
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly service: string
  readonly flag: string
  readonly durationS: number
  readonly srcBytes: number
  readonly dstBytes: number
  /** The others of features 7 to 22; 0 where left out. */
  readonly content?: DemoContent
  /** As in the files of KDD Cup 1999, with the dot at the end. */
  readonly label: string
}

export type DemoContent = Readonly<Partial<Record<(typeof CONTENT_FIELDS)[number], number>>>

/** Features 7 to 22, in the order of the files. */
export const CONTENT_FIELDS = [
  'land',
  'wrong_fragment',
  'urgent',
  'hot',
  'num_failed_logins',
  'logged_in',
  'num_compromised',
  'root_shell',
  'su_attempted',
  'num_root',
  'num_file_creations',
  'num_shells',
  'num_access_files',
  'num_outbound_cmds',
  'is_host_login',
  'is_guest_login',
] as const

/** What the network is made of. Numbers stand for addresses. */
export const SERVERS = 14
export const CLIENTS = 160

/** Draws from the distributions that traffic is made of. */
export class Draw {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  uniform(): number {
    return this.#random()
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1))
  }

  /** Lognormal, rounded: half of the values are below `median`, two thirds within a factor of e^`sigma`. */
  size(median: number, sigma: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
    return Math.round(median * Math.exp(sigma * normal))
  }

  /** Time to the next event of a Poisson process, in ms. */
  gapMs(ratePerS: number): number {
    return (-Math.log(1 - this.#random()) / ratePerS) * 1000
  }

  of<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T
  }

  /** One of the items, as often as its weight says. */
  weighted<T extends { readonly weight: number }>(items: readonly T[]): T {
    const total = items.reduce((sum, { weight }) => sum + weight, 0)
    let at = this.#random() * total
    for (const item of items) {
      at -= item.weight
      if (at < 0) return item
    }
    return items[items.length - 1] as T
  }

  port(): number {
    return this.between(1024, 65_535)
  }
}
