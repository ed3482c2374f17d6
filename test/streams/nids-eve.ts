/** 2026-03-02 08:00:00 UTC. */
export const START_MS = 1_772_438_400_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

const CATEGORIES = {
  scanning: 'Attempted Information Leak',
  logins: 'Unsuccessful User Privilege Gain',
  exploits: 'Attempted Administrator Privilege Gain',
  other: 'Misc activity',
} as const

/** One alert as Suricata writes it; severity 3, so that no record is an alert by itself. */
export interface Eve {
  readonly atMs: number
  readonly from: string
  readonly to: string
  readonly port: number
  readonly what: keyof typeof CATEGORIES
}

export function eveLine({ atMs, from, to, port, what }: Eve): string {
  return JSON.stringify({
    timestamp: new Date(START_MS + atMs).toISOString().replace('Z', '+0000'),
    event_type: 'alert',
    src_ip: from,
    src_port: 40_000,
    dest_ip: to,
    dest_port: port,
    proto: 'TCP',
    alert: {
      action: 'allowed',
      gid: 1,
      signature_id: 2_000_001,
      rev: 1,
      signature: what,
      category: CATEGORIES[what],
      severity: 3,
    },
  })
}

/** `count` alerts `everyMs` apart, each as `one` makes it. */
export function series(
  count: number,
  everyMs: number,
  one: (i: number) => Partial<Eve> & Pick<Eve, 'from'>,
): readonly Eve[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ atMs: i * everyMs, to: '10.0.0.1', port: 80, what: 'other' as const },
    ...one(i),
  }))
}

/** Six attacks, each just at its limit, in windows that begin with a stretch; sources are 198.51.100.1 to .5 and 10.0.3.4. */
export function attacks(): readonly Eve[] {
  const probe = { from: '10.0.3.4', to: '10.0.0.9', port: 22 }
  return [
    ...series(30, 9_000, (i) => ({ from: '198.51.100.1', port: 1_000 + i })),
    ...series(30, 9_000, (i) => ({ from: '198.51.100.2', to: `10.0.1.${i}` })),
    ...series(20, 14_000, () => ({ from: '198.51.100.3', port: 22, what: 'logins' })),
    ...series(55, 65_000, (i) => ({ from: '198.51.100.4', port: 1_000 + i })),
    ...series(150, 4_000, () => ({ from: '198.51.100.5' })),
    { ...probe, atMs: 1_000, what: 'scanning' },
    { ...probe, atMs: 1_000 + HOUR_MS, what: 'exploits' },
  ]
}

/** What is just no attack: one less than a limit, a limit spread over more than its window, or over several hosts. */
export function nearMisses(): readonly Eve[] {
  const late = { from: '10.0.3.7', to: '10.0.0.9', port: 22 }
  const reversed = { from: '10.0.3.8', to: '10.0.0.9', port: 22 }
  return [
    ...series(29, 9_000, (i) => ({ from: '203.0.113.1', port: 1_000 + i })),
    ...series(149, 2_000, (i) => ({ from: '203.0.113.2', port: 1_000 + (i % 29) })),
    // Five minutes hold 29 ports at most, an hour 54.
    ...series(54, 10_800, (i) => ({ from: '203.0.113.3', port: 1_000 + i, atMs: 59_000 + i * 10_800 })),
    ...series(150, 65_000, (i) => ({ from: '203.0.113.7', port: 1_000 + (i % 54) })),
    ...series(29, 9_000, (i) => ({ from: '203.0.113.4', to: `10.0.1.${i}` })),
    ...series(19, 14_000, () => ({ from: '203.0.113.5', port: 22, what: 'logins' })),
    ...series(57, 5_000, (i) => ({ from: '203.0.113.6', to: `10.0.2.${i % 3}`, port: 22, what: 'logins' })),
    { ...late, atMs: 1_000, what: 'scanning' },
    { ...late, atMs: 1_001 + HOUR_MS, what: 'exploits' },
    // From outside that is the noise of every day.
    { ...late, from: '203.0.113.9', atMs: 1_000, what: 'scanning' },
    { ...late, from: '203.0.113.9', atMs: 2_000, what: 'exploits' },
    { ...reversed, atMs: 1_000, what: 'exploits' },
    { ...reversed, atMs: 2_000, what: 'scanning' },
  ]
}
