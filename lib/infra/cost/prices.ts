/** A list price of us-east-1, in dollars. */
export interface Price {
  readonly name: string
  readonly dollars: number
  readonly unit: string
  /** Where it is from, and whether it was checked. */
  readonly source: string
}

/** When the prices were written down. */
export const PRICES_DATE = '2026-11'

/** Looked up when it was written down. */
const LIST = 'list price'
/** Not looked up. */
const MEMORY = 'list price, from memory: check it'

/** By what is paid for. A reserved or free tier is not counted. */
export const PRICES = {
  brokerStandard: { name: 'MSK Standard m7g.large', dollars: 0.204, unit: 'broker-hour', source: LIST },
  brokerExpress: { name: 'MSK Express m7g.large', dollars: 0.408, unit: 'broker-hour', source: LIST },
  brokerStorage: { name: 'MSK Standard volume', dollars: 0.1, unit: 'GB-month', source: MEMORY },
  expressStorage: { name: 'MSK Express storage', dollars: 0.1, unit: 'GB-month', source: MEMORY },
  expressIngress: { name: 'MSK Express data in', dollars: 0.01, unit: 'GB', source: MEMORY },
  pollers: { name: 'Lambda event poller unit', dollars: 0.185, unit: 'hour', source: MEMORY },
  lambdaGbSeconds: { name: 'Lambda arm64', dollars: 0.0000133334, unit: 'GB-second', source: MEMORY },
  lambdaRequests: { name: 'Lambda requests', dollars: 0.2, unit: 'million', source: MEMORY },
  tableWrites: {
    name: 'DynamoDB on-demand writes',
    dollars: 0.625,
    unit: 'million units of 1 kB',
    source: LIST,
  },
  tableReads: {
    name: 'DynamoDB on-demand strong reads',
    dollars: 0.125,
    unit: 'million units of 4 kB',
    source: LIST,
  },
  tableStorage: { name: 'DynamoDB storage', dollars: 0.25, unit: 'GB-month', source: LIST },
  bucketStorage: { name: 'S3 Standard', dollars: 0.023, unit: 'GB-month', source: MEMORY },
  bucketPuts: { name: 'S3 PUT and LIST', dollars: 5, unit: 'million', source: MEMORY },
  bucketGets: { name: 'S3 GET', dollars: 0.4, unit: 'million', source: MEMORY },
  transitions: { name: 'Step Functions Standard', dollars: 25, unit: 'million transitions', source: MEMORY },
  httpRequests: { name: 'API Gateway HTTP API', dollars: 1, unit: 'million requests', source: MEMORY },
  socketMessages: {
    name: 'API Gateway WebSocket',
    dollars: 1,
    unit: 'million messages of 32 kB',
    source: MEMORY,
  },
  socketMinutes: {
    name: 'API Gateway WebSocket connections',
    dollars: 0.25,
    unit: 'million minutes',
    source: MEMORY,
  },
  alarms: { name: 'CloudWatch alarms', dollars: 0.1, unit: 'alarm', source: MEMORY },
  metrics: { name: 'CloudWatch custom metrics', dollars: 0.3, unit: 'metric', source: MEMORY },
  dashboards: { name: 'CloudWatch dashboards', dollars: 3, unit: 'dashboard', source: MEMORY },
  logs: { name: 'CloudWatch Logs, taken in', dollars: 0.5, unit: 'GB', source: MEMORY },
  zoneTransfer: { name: 'Data between zones', dollars: 0.02, unit: 'GB, both directions', source: MEMORY },
} as const satisfies Readonly<Record<string, Price>>

export type Priced = keyof typeof PRICES
