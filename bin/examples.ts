import type { Command } from 'commander'

/** What is typed first, by command. Those that are not here have examples in a help text of their own. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  dev: ['dev', 'dev --demo --port 4500 --data /tmp/weir-demo'],
  replay: [
    'replay network kdd.csv.gz',
    "replay logs 'logs/*.log' --data /tmp/w",
    'zcat kdd.csv.gz | weir replay network -',
  ],
  recompute: ['recompute', 'recompute network --full'],
  query: [
    'query network.byService',
    'query network.byService --key http --from 2h --by-slot',
    'query posts.hashtags --layer batch --json',
  ],
  top: [
    'top network.byService --window 1h -k 5',
    'top posts.hashtags --at 2017-08-27T04:00:00Z --window 10m',
  ],
  subscribe: [
    'subscribe incidents/network --since start',
    'subscribe alerts/network --severity high critical --json',
    'subscribe incidents/network --url wss://ID.execute-api.REGION.amazonaws.com/live',
  ],
  status: ['status', 'status network --json'],
  verify: ['verify', 'verify network --json'],
  'dead-letters list': ['dead-letters list network --limit 20'],
  'dead-letters show': ['dead-letters show local/network.raw.g1/0/17 > record.csv'],
  'dead-letters retry': ['dead-letters retry local/network.raw.g1/0/17', 'dead-letters retry network --all'],
  trends: ['trends posts', 'trends posts --at 2017-08-27T04:00:00Z --slides 6'],
  train: ['train network', "train network --from 'normal/*.csv.gz' --seed 7"],
  templates: ['templates /var/log/syslog'],
  evaluate: [
    'evaluate network kdd.csv.gz --label label --normal normal',
    'evaluate network kdd.csv.gz --label label --normal normal --refit 20000',
  ],
  models: ['models network', 'models network --activate VERSION'],
  'reference put': ['reference put sid-msg /etc/snort/sid-msg.map'],
  'reference use': ['reference use sid-msg 3'],
  'reference list': ['reference list', 'reference list sid-msg'],
  cost: ['cost network --rate 1000 --bytes 200', 'cost network --rate 50000 --bytes 1000 --kafka express'],
  lost: ['lost network 0 1200 1350', 'lost network 0 1200 1350 --yes'],
  retract: [
    'retract network',
    'retract network --partition 0 --from 1200 --to 1350 --reason "a sensor without a clock"',
    'retract network --withdraw ID --reason "they were right"',
  ],
  'alerts ack': ["alerts ack nids a31ba8606acf707a4706a55114f1ba75 --note 'looking at it'"],
  'alerts close': ["alerts close nids a31ba8606acf707a4706a55114f1ba75 --note 'the scanner of the house'"],
  'alerts reopen': ['alerts reopen nids a31ba8606acf707a4706a55114f1ba75'],
  'alerts suppress': [
    "alerts suppress nids '1:2019284' --for 7d",
    "alerts suppress nids '1:2019284, grave' --for 7d",
    "alerts suppress nids 'scanning from *' --note 'the audit of this week'",
  ],
  'alerts unsuppress': ["alerts unsuppress nids '1:2019284, grave'"],
  'alerts suppressed': ['alerts suppressed nids'],
  'templates list': ['templates list --json'],
  'templates changes': ['templates changes --from 2h'],
  'templates normal': ['templates normal TEMPLATE', 'templates normal TEMPLATE --undo'],
  compact: ['compact network', 'compact network --open-hours'],
}

/** Ends the help of every command that has no examples of its own with some. */
export function addExamples(program: Command): void {
  for (const command of program.commands) add(command, command.name())
}

function add(command: Command, path: string): void {
  for (const below of command.commands) add(below, `${path} ${below.name()}`)
  const lines = EXAMPLES[path]
  if (lines === undefined) return
  const typed = lines.map((line) => (line.includes('| weir ') ? `  $ ${line}` : `  $ weir ${line}`))
  command.addHelpText('after', `\nExamples:\n${typed.join('\n')}`)
}
