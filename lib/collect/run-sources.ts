import { randomUUID } from 'node:crypto'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import { padded } from '../state/padded.ts'
import type { Detail, KnownSource, Resume } from './live-input.ts'

/** A source of a run that reads its sources side by side: `run-source/<stream>/<run>` in the keyed store. */
interface SourceItem {
  /** Which of the run's inputs it is of, by number. */
  readonly input: number
  readonly detail: Detail
  readonly resume: Resume
}

export interface RunSourcesOptions {
  readonly keyed: KeyedStore
  readonly stream: string
  readonly runId: string
  /** Rejects where this process does not hold the run any more. */
  readonly requireHeld: () => Promise<void>
}

/**
 * The sources of a run and where each is to be gone on from. A write holds only where the one before it still stands, so
 * that a process which another has taken the run from cannot put a source back: places below a floor are forgotten.
 */
export class RunSources {
  readonly #options: RunSourcesOptions
  readonly #pk: string
  readonly #session = randomUUID()
  readonly #items = new Map<number, SourceItem & { readonly rev: string | undefined }>()
  #writing: Promise<void> = Promise.resolve()
  #writes = 0

  constructor(options: RunSourcesOptions) {
    this.#options = options
    this.#pk = `run-source/${options.stream}/${options.runId}`
  }

  /** By input, those that were kept. */
  async load(inputs: number): Promise<readonly (readonly KnownSource[])[]> {
    const known: KnownSource[][] = Array.from({ length: inputs }, () => [])
    for await (const { sk, rev, data } of this.#options.keyed.query(this.#pk)) {
      const item = JSON.parse(Buffer.from(data).toString()) as SourceItem
      const { input, detail, resume } = item
      this.#items.set(Number(sk), { ...item, rev })
      known[input]?.push({ source: Number(sk), detail, resume })
    }
    return known
  }

  async create(source: number, input: number, detail: Detail, resume: Resume): Promise<void> {
    this.#items.set(source, { input, detail, resume, rev: undefined })
    await this.keep(source, {})
  }

  /** Rejects with a RunTakenError where another process has the run. */
  keep(source: number, change: { readonly detail?: Detail; readonly resume?: Resume }): Promise<void> {
    // One after the other: an input describes a source while a checkpoint keeps where it is.
    const keeping = this.#writing.then(() => this.#put(source, change))
    this.#writing = keeping.catch(() => undefined)
    return keeping
  }

  async #put(source: number, change: Partial<Pick<SourceItem, 'detail' | 'resume'>>): Promise<void> {
    const known = this.#items.get(source)
    if (known === undefined) return
    const { keyed, requireHeld } = this.#options
    const { input, detail, resume } = { ...known, ...change }
    const rev = `${this.#session}.${++this.#writes}`
    const kept: SourceItem = { input, detail, resume }
    const item: Item = { pk: this.#pk, sk: padded(source), rev, data: Buffer.from(JSON.stringify(kept)) }
    for (let before = known.rev; ; ) {
      const put = await keyed.put(item, before === undefined ? 'absent' : { rev: before })
      if (put.ok || put.current?.rev === rev) break
      // An older process wrote last, of what had landed by then; what this one knows is newer, if it still holds the run.
      await requireHeld()
      before = put.current?.rev
    }
    this.#items.set(source, { ...kept, rev })
  }

  /** As it is kept. */
  resumeOf(source: number): Resume | undefined {
    return this.#items.get(source)?.resume
  }

  async forget(source: number): Promise<void> {
    await this.#writing
    const rev = this.#items.get(source)?.rev
    if (rev !== undefined) await this.#options.keyed.delete(this.#pk, padded(source), { rev })
    this.#items.delete(source)
  }
}
