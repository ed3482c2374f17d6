import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { recordAt } from '../../lib/collect/block.ts'
import { readLines } from '../../lib/collect/lines.ts'
import { expandSources } from '../../lib/collect/sources.ts'
import { TemplateMatcher } from '../../lib/detect/template-matcher.ts'
import { TemplateMiner } from '../../lib/detect/template-miner.ts'
import { LogLines } from '../../lib/formats/syslog-line.ts'
import { HEADERS } from '../../streams/logs.ts'
import { withCommonOptions } from '../command.ts'
import { progressLine } from '../progress.ts'
import { explained } from '../run-options.ts'
import { registerModelCommands } from '../template-model.ts'

interface MineOptions {
  readonly content: 'header' | 'raw'
}

const LINES = new LogLines(HEADERS)

export function register(program: Command): void {
  const command = program
    .command('templates')
    .description('Mine the templates of log lines, and print the template of each: one JSON object a line.')
    .argument('<source...>', 'files (.gz too), folders, patterns, or - for standard input')
    .addOption(
      new Option(
        '--content <how>',
        'header: syslog and other known headers are left out; raw: a line is all message',
      )
        .choices(['header', 'raw'])
        .default('header'),
    )
    .addHelpText(
      'after',
      '\nEach object has line (its number in its source, from 1, empty lines not counted), templateId and template, and\n' +
        'source where there are several. All sources are mined as one; there is nothing to set for a system.',
    )
  withCommonOptions(command).action(run)
  registerModelCommands(command)
}

async function run(args: readonly string[], { content }: MineOptions): Promise<void> {
  const messageOf = content === 'raw' ? (line: string) => line : (line: string) => LINES.read(line).message
  await explained(async () => {
    const spooled = await spool(await expandSources(args))
    try {
      await printTemplates(spooled.paths, spooled.names, messageOf)
    } finally {
      await spooled.dispose()
    }
  })
}

/** Sources are read twice, once to mine and once to match, so standard input is kept in a file meanwhile. */
async function spool(paths: readonly string[]) {
  if (!paths.includes('-')) return { paths, names: paths, dispose: async () => undefined }
  const dir = await mkdtemp(join(tmpdir(), 'weir-templates-'))
  const file = join(dir, 'standard-input')
  await pipeline(process.stdin, createWriteStream(file))
  return {
    paths: paths.map((path) => (path === '-' ? file : path)),
    names: paths,
    dispose: () => rm(dir, { recursive: true }),
  }
}

async function printTemplates(
  paths: readonly string[],
  names: readonly string[],
  messageOf: (line: string) => string,
): Promise<void> {
  const progress = progressLine()
  const miner = new TemplateMiner()
  for (const path of paths)
    for await (const texts of linesOf(path)) {
      for (const { text } of texts) miner.add(messageOf(text))
      progress.update({ done: miner.lines, text: `${miner.lines.toLocaleString('en-US')} lines mined` })
    }
  progress.clear()
  const matcher = new TemplateMatcher(miner.templates().map(({ parts }) => parts))
  for (const [i, path] of paths.entries()) {
    const source = paths.length > 1 ? { source: names[i] } : {}
    for await (const texts of linesOf(path)) {
      let out = ''
      for (const { line, text } of texts) {
        const { id, template } = matcher.match(messageOf(text))
        out += `${JSON.stringify({ ...source, line, templateId: id, template })}\n`
      }
      await written(out)
    }
  }
}

async function* linesOf(path: string): AsyncGenerator<readonly { line: number; text: string }[]> {
  for await (const block of readLines(path)) {
    if (block.kind !== 'records') continue
    const texts: { line: number; text: string }[] = []
    for (let i = 0; i < block.count; i++)
      texts.push({ line: block.position + i + 1, text: recordAt(block, i).toString() })
    yield texts
  }
}

/** Waits for a reader that is slower than this. */
function written(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(text)) resolve()
    else process.stdout.once('drain', resolve)
  })
}
