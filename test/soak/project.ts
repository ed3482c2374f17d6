import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyProject } from '../support/project.ts'

/** A copy of the project with one stream of its own, whose definition the soak changes as an author would: by its file. */
export class Project {
  readonly dir: string

  private constructor(dir: string) {
    this.dir = dir
  }

  static async copyTo(dir: string): Promise<Project> {
    await copyProject(dir)
    const index = "import { soak } from './soak.ts'\n\nexport const streams = new Map([[soak.name, soak]])\n"
    await writeFile(join(dir, 'streams/index.ts'), `${index}${STREAM_NAMED}`)
    return new Project(dir)
  }

  get weir(): string {
    return join(this.dir, 'bin/weir.ts')
  }

  /** Processes that start from now on run this definition. `views`: the text of an object literal. */
  async define(views: string): Promise<void> {
    await writeFile(join(this.dir, 'streams/soak.ts'), `${STREAM}  views: ${views},\n})\n`)
  }
}

const STREAM_NAMED = `
export function streamNamed(name) {
  const stream = streams.get(name)
  if (stream === undefined) throw new Error('there is only the stream soak')
  return stream
}
`

const STREAM = `import { z } from 'zod'
import { json } from '../lib/formats/json.ts'
import { defineStream } from '../lib/stream/define.ts'

export const soak = defineStream({
  name: 'soak',
  title: 'Soak',
  description: 'Records of the soak test.',
  format: json(),
  schema: z.object({
    id: z.number().int(),
    user: z.string(),
    tags: z.array(z.string()),
    amount: z.number(),
    latency: z.number().int(),
    ok: z.boolean(),
    at: z.number().int(),
  }),
  time: ({ at }) => at,
  key: ({ user }) => user,
  partitions: 8,
`
