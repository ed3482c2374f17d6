import { spawn } from 'node:child_process'

/** Runs one of Kafka's own command-line tools, and resolves with what it printed. */
export async function kafkaTool(
  jars: string,
  className: string,
  args: readonly string[],
  input = '',
): Promise<string> {
  const child = spawn('java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, className, ...args])
  let out = ''
  let complaints = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    complaints += chunk
  })
  child.stdin.end(input)
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0)
    throw new Error(`${className} ended with ${code}: ${complaints.slice(-1000)} ${out.slice(-500)}`)
  return out
}

export function consoleProducer(
  jars: string,
  brokers: string,
  topic: string,
  compression: string,
  lines: readonly string[],
): Promise<string> {
  const producer = ['--bootstrap-server', brokers, '--topic', topic, '--compression-codec', compression]
  const keys = ['--property', 'parse.key=true', '--property', 'key.separator=:']
  return kafkaTool(
    jars,
    'org.apache.kafka.tools.ConsoleProducer',
    [...producer, ...keys],
    `${lines.join('\n')}\n`,
  )
}

/** The first `count` records from the beginning, as `key:value`. */
export async function consoleConsumer(
  jars: string,
  brokers: string,
  topic: string,
  count: number,
): Promise<string[]> {
  const consumer = [
    '--bootstrap-server',
    brokers,
    '--topic',
    topic,
    '--partition',
    '0',
    '--offset',
    'earliest',
  ]
  const keys = ['--property', 'print.key=true', '--property', 'key.separator=:']
  const limits = ['--max-messages', String(count), '--timeout-ms', '20000']
  const name = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
  const printed = await kafkaTool(jars, name, [...consumer, ...keys, ...limits])
  return printed.split('\n').filter((line) => line.includes(':'))
}

export function topicCommand(jars: string, brokers: string, args: readonly string[]): Promise<string> {
  return kafkaTool(jars, 'org.apache.kafka.tools.TopicCommand', ['--bootstrap-server', brokers, ...args])
}
