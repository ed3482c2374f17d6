import { z } from 'zod'
import { avro } from '../lib/formats/avro.ts'
import { csvOrJson } from '../lib/formats/csv-or-json.ts'
import { hashtagsOf } from '../lib/formats/hashtags.ts'
import { utcTime } from '../lib/formats/utc-time.ts'
import { defineStream } from '../lib/stream/define.ts'

const DAY_MS = 86_400_000

/** One post. Ids are text: they are beyond 2^53. */
const post = z.object({
  userid: z.string().min(1).optional(),
  username: z.string().min(1),
  /** `2017-08-27 00:05:34`, with or without zone, or ms since 1970. */
  timestamp: z.string().optional(),
  tweetid: z.string().min(1),
  tweet: z.string(),
})

/** Columns of the files, under the names of their header line. */
const HEADER = ['created_at', 'emojis', 'id', 'link', 'retweeted', 'screen_name', 'text']

const NUMBERS = ['userid', 'tweetid', 'timestamp']

/** The Avro schema. Records of writers with other schemas need those in `writers`, or by id in `registry`. */
const POST = {
  type: 'record',
  name: 'Tweet',
  fields: [
    { name: 'userid', type: 'long' },
    { name: 'username', type: 'string' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'tweetid', type: 'long' },
    { name: 'tweet', type: 'string' },
  ],
}

export const posts = defineStream({
  name: 'posts',
  title: 'Posts',
  description: 'Short posts as CSV, JSON lines or Avro; hashtags counted by use, in slots of five minutes.',
  format: avro({
    schema: POST,
    asText: NUMBERS,
    otherwise: csvOrJson({
      header: HEADER,
      fields: { created_at: 'timestamp', id: 'tweetid', screen_name: 'username', text: 'tweet' },
      asText: NUMBERS,
    }),
  }),
  schema: post,
  time: ({ timestamp }) => (timestamp === undefined ? undefined : timeOf(timestamp)),
  enrich: {
    schema: z.object({
      /** Without the sign, case-folded, each as often as it is used. */
      hashtags: z.array(z.string()),
      /** Posts of the same author in the day up to this one, of those counted by then. */
      author_posts: z.number().int().min(0),
    }),
    history: {
      author: {
        view: 'posts.byAuthor',
        key: ({ username }) => username,
        windowMs: DAY_MS,
        aggregates: ['count'],
      },
    },
    add: ({ tweet }, _tables, _version, { author }) => ({
      hashtags: hashtagsOf(tweet),
      author_posts: author?.count ?? 0,
    }),
  },
  views: {
    hashtags: {
      title: 'Uses of hashtags',
      groupBy: ['hashtags'],
      repeats: true,
      slotMs: 300_000,
      aggregates: {
        count: { kind: 'count' },
        authors: { kind: 'distinct', field: 'username', precision: 10 },
      },
    },
    trending: {
      title: 'Uses of hashtags in slots of ten seconds, which trends slide over',
      groupBy: ['hashtags'],
      repeats: true,
      slotMs: 10_000,
      aggregates: { count: { kind: 'count' } },
      retentionDays: 2,
    },
    byAuthor: {
      title: 'Posts by author',
      groupBy: ['username'],
      slotMs: 3_600_000,
      aggregates: { count: { kind: 'count' } },
    },
  },
  partitions: 4,
})

function timeOf(text: string): number | undefined {
  return /^\d{10,15}$/.test(text) ? Number(text) : utcTime(text)
}
