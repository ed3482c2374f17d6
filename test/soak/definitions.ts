/** What the author of the stream has deployed one after the other: a view changed, one added, one changed back. */
export const DEFINITIONS: readonly string[] = [
  definition(`count: { kind: 'count' }, amount: { kind: 'sum', field: 'amount', decimals: 2 }`, ''),
  definition(
    `count: { kind: 'count' }`,
    `byOutcome: { title: 'By outcome', groupBy: ['ok'], slotMs: 60_000, aggregates: { count: { kind: 'count' } } },`,
  ),
  definition(
    `count: { kind: 'count' }, amount: { kind: 'sum', field: 'amount', decimals: 2 }, worst: { kind: 'max', field: 'latency' }`,
    `byOutcome: { title: 'By outcome', groupBy: ['ok'], slotMs: 60_000, aggregates: { count: { kind: 'count' }, latency: { kind: 'sum', field: 'latency' } } },`,
  ),
]

function definition(byUser: string, added: string): string {
  return `{
    byUser: {
      title: 'By user',
      where: [{ field: 'ok', in: [true] }],
      groupBy: ['user'],
      slotMs: 60_000,
      aggregates: { ${byUser} },
    },
    byTag: { title: 'By tag', groupBy: ['tags'], slotMs: 300_000, aggregates: { count: { kind: 'count' } } },
    ${added}
  }`
}

/** The same questions put to DuckDB, of the last definition: `key` and the aggregates of every row. */
export const ORACLE: Readonly<Record<string, string>> = {
  byUser: `select "user" as key, count(*) as count, sum(amount) as amount, max(latency) as worst
    from source where ok group by all`,
  byTag: `select key, count(*) as count
    from (select unnest(list_distinct(tags)) as key from source) group by all`,
  byOutcome: `select ok::varchar as key, count(*) as count, sum(latency) as latency from source group by all`,
}
