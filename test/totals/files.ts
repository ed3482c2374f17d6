/** One view of a stream, and the same totals by DuckDB's own readers from the files alone. */
export interface ViewTotals {
  readonly view: string
  /** Aggregates that are compared, as the view and the columns of the SQL name them. */
  readonly figures: readonly string[]
  /** Rows of `key` (values of several fields joined by `|`) and the figures. `{dir}` stands for the folder of the files. */
  readonly sql: string
}

/** A stream's real files, which do not belong to this project. */
export interface StreamTotals {
  readonly sources: readonly string[]
  readonly views: readonly ViewTotals[]
}

const CONNECTIONS = `read_csv('{dir}/network/kddcup.data_10_percent.gz', header = false, all_varchar = true)`
const ORDERS = `(select *, quantity::bigint as pieces, price::decimal(18, 2) as amount, 1 as count, age::int as years
  from read_csv('{dir}/orders/customer_shopping_data.csv.gz', header = true, all_varchar = true))`
const POSTS = `read_csv('{dir}/posts/mayweather_mcgregor_tweets.csv', all_varchar = true)`
/** What an independent reader of unified2 printed. */
const SENSOR = `read_json('{dir}/nids/expected/*.jsonl*', format = 'newline_delimited',
  columns = {type: 'VARCHAR', event: 'JSON'}) where type = 'event'`
const LINES = `read_csv('{dir}/logs/*/*_2k.log', header = false, delim = '\\x01', quote = '', escape = '',
  filename = true, columns = {line: 'VARCHAR'})`
/** The truth that comes with the log files, for the systems whose lines have a level. */
const LEVELS = `read_csv(['{dir}/logs/Apache/*.csv', '{dir}/logs/BGL/*.csv', '{dir}/logs/HDFS/*.csv', '{dir}/logs/Hadoop/*.csv',
  '{dir}/logs/OpenStack/*.csv', '{dir}/logs/Zookeeper/*.csv'], header = true, all_varchar = true, union_by_name = true)`
const ORDER_FIGURES = ['count', 'pieces', 'amount']

function orders(key: string): string {
  return `select ${key} as key, count(*) as count, sum(pieces) as pieces, sum(amount) as amount from ${ORDERS} group by 1`
}

export const TOTALS: Readonly<Record<string, StreamTotals>> = {
  network: {
    sources: ['network/kddcup.data_10_percent.gz'],
    views: [
      {
        view: 'byService',
        figures: ['count', 'bytes'],
        sql: `select column02 as key, count(*) as count, sum(column04::bigint + column05::bigint) as bytes from ${CONNECTIONS} group by 1`,
      },
      {
        view: 'byProtocolFlag',
        figures: ['count'],
        sql: `select column01 || '|' || column03 as key, count(*) as count from ${CONNECTIONS} group by 1`,
      },
      {
        view: 'byLabel',
        figures: ['count'],
        sql: `select column41 as key, count(*) as count from ${CONNECTIONS} group by 1`,
      },
    ],
  },
  nids: {
    sources: [
      'nids/merged.log',
      'nids/multi-record-event.log',
      'nids/ipv6-alert.unified2',
      'nids/djcas9-unified2-current.log',
    ],
    views: [
      {
        view: 'bySignature',
        figures: ['count'],
        sql: `select (event->>'generator-id') || ':' || (event->>'signature-id') as key, count(*) as count from ${SENSOR} group by 1`,
      },
    ],
  },
  logs: {
    sources: [
      'Apache',
      'BGL',
      'HDFS',
      'Hadoop',
      'HealthApp',
      'Linux',
      'OpenSSH',
      'OpenStack',
      'Proxifier',
      'Zookeeper',
    ].map((system) => `logs/${system}/${system}_2k.log`),
    views: [
      {
        view: 'bySource',
        figures: ['count'],
        sql: `select case system when 'BGL' then split_part(line, ' ', 4)
            when 'Linux' then regexp_extract(line, '[0-9:]{8} ([^ ]+)', 1)
            when 'OpenSSH' then regexp_extract(line, '[0-9:]{8} ([^ ]+)', 1)
            else lower(system) end as key, count(*) as count
          from (select line, parse_path(filename)[-2] as system from ${LINES}) group by 1`,
      },
      {
        view: 'bySeverityLevel',
        figures: ['count'],
        sql: `select case lower("Level") when 'fatal' then 'critical' when 'severe' then 'critical' when 'warn' then 'warning'
            else lower("Level") end as key, count(*) as count from ${LEVELS} group by 1`,
      },
    ],
  },
  posts: {
    sources: ['posts/mayweather_mcgregor_tweets.csv'],
    views: [
      {
        view: 'hashtags',
        figures: ['count'],
        sql: `select lower(tag) as key, count(*) as count
          from (select unnest(regexp_extract_all(text, '[#＃﹟]([\\p{L}\\p{M}\\p{Nd}_]+)', 1)) as tag from ${POSTS}) group by 1`,
      },
    ],
  },
  orders: {
    sources: ['orders/customer_shopping_data.csv.gz'],
    views: [
      {
        view: 'byAgeBand',
        figures: ORDER_FIGURES,
        sql: orders(`case when years < 15 then '10-14' when years < 18 then '15-17' when years < 25 then '18-24'
          when years < 30 then '25-29' when years < 35 then '30-34' when years < 40 then '35-39'
          when years < 50 then '40-49' else '50+' end`),
      },
      { view: 'byGender', figures: ORDER_FIGURES, sql: orders('gender') },
      { view: 'byCategory', figures: ORDER_FIGURES, sql: orders('category') },
    ],
  },
}
