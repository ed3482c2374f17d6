import { randomUUID } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { replacedKey } from './keys.ts'
import type { Chapter, Manifest, MasterFile, ReplacedBody, ReplacedList } from './manifest.ts'
import {
  type LoadedManifest,
  putChapter,
  putHead,
  putNew,
  readChapter,
  SEAL_ITEMS,
} from './manifest-store.ts'

/** Files to be replaced by one that holds the same rows. */
export interface Swap {
  /** As the manifest lists them, one after the other. */
  readonly sources: readonly MasterFile[]
  readonly file: MasterFile
  /** Unix ms, at the latest when the swap begins. */
  readonly replacedMs: number
}

/** Replaced lists are one for so long, so that a head never has many. */
const LIST_SPAN_MS = 3_600_000

/**
 * Replaces the sources by the one file in one conditional write of the head. Sealed chapters never change: those on the
 * way to the sources are written anew beside the old ones, and the head comes to refer to the new. What is not referred
 * to any more, files and chapters, is named in a replaced list of the head in the same write.
 *
 * 'moved': the head is not the one that was loaded. 'gone': it does not list exactly these sources, one after the other.
 * A crash at any point leaves new objects that nothing refers to.
 */
export async function swapFiles(
  objects: ObjectStore,
  loaded: LoadedManifest,
  swap: Swap,
  sealItems = SEAL_ITEMS,
): Promise<'done' | 'moved' | 'gone'> {
  checkSwap(swap)
  const { manifest } = loaded
  const draft = new Draft(objects, manifest, swap, sealItems)
  const chapters = await draft.chapters()
  const files = draft.files()
  if (!draft.isWhole()) return 'gone'
  const written = await draft.write(chapters)
  const replaced = await withReplaced(objects, manifest, draft.dropped, swap.replacedMs)
  return (await putHead(objects, loaded, { ...manifest, chapters: written, files, replaced }))
    ? 'done'
    : 'moved'
}

/** A defect of the caller, found before it becomes one of the master. */
function checkSwap({ sources, file }: Swap): void {
  const ends = sources.every(({ from }, i) => i === 0 || from === sources[i - 1]?.to)
  const whole = file.from === sources[0]?.from && file.to === sources.at(-1)?.to
  if (ends && whole && file.rows === file.to - file.from) return
  throw new Error(`${file.key} cannot replace ${sources.length} files that do not hold just its offsets`)
}

/** A chapter that is not written yet. */
interface DraftChapter {
  readonly level: number
  readonly items: readonly Node[]
}

type Node = MasterFile | Chapter | DraftChapter

/** The chapters and files of a manifest after a swap, as far as they differ. */
class Draft {
  readonly #objects: ObjectStore
  readonly #manifest: Manifest
  readonly #swap: Swap
  readonly #sealItems: number
  readonly #found: string[] = []
  /** Keys of what is not referred to any more. */
  readonly dropped: string[] = []

  constructor(objects: ObjectStore, manifest: Manifest, swap: Swap, sealItems: number) {
    this.#objects = objects
    this.#manifest = manifest
    this.#swap = swap
    this.#sealItems = sealItems
  }

  chapters(): Promise<readonly Node[]> {
    return this.#rewrite(this.#manifest.chapters)
  }

  /** To be called after `chapters`. */
  files(): readonly MasterFile[] {
    return this.#manifest.files.flatMap((file) => this.#replace(file))
  }

  /** Whether the manifest lists exactly the sources where they are to be. */
  isWhole(): boolean {
    const { sources } = this.#swap
    return this.#found.length === sources.length && sources.every(({ key }, i) => key === this.#found[i])
  }

  /** Puts the chapters that are new, those of lower levels first. */
  async write(nodes: readonly Node[]): Promise<readonly Chapter[]> {
    const written: Chapter[] = []
    for (const node of nodes) {
      if (isDraft(node)) {
        const items = node.level === 1 ? (node.items as readonly MasterFile[]) : await this.write(node.items)
        written.push(await putChapter(this.#objects, this.#manifest, node.level, items))
      } else if ('level' in node) written.push(node)
    }
    return written
  }

  async #rewrite(items: readonly (MasterFile | Chapter)[]): Promise<readonly Node[]> {
    const nodes: Node[] = []
    const { from, to } = this.#swap.file
    for (const item of items) {
      if (item.to <= from || item.from >= to) await this.#join(nodes, item)
      else if ('level' in item) {
        this.dropped.push(item.key)
        const inside = await this.#rewrite(await readChapter(this.#objects, item))
        if (inside.length > 0) await this.#join(nodes, { level: item.level, items: inside })
      } else nodes.push(...this.#replace(item))
    }
    return nodes
  }

  #replace(file: MasterFile): readonly MasterFile[] {
    const swapped = this.#swap.file
    if (file.to <= swapped.from || file.from >= swapped.to) return [file]
    this.dropped.push(file.key)
    return this.#found.push(file.key) === 1 ? [swapped] : []
  }

  /** Compaction makes chapters thin: one that changes is made one with its neighbour where both fit into one. */
  async #join(nodes: Node[], next: Node): Promise<void> {
    const last = nodes.at(-1)
    const joins = last !== undefined && levelOf(last) === levelOf(next) && (isDraft(last) || isDraft(next))
    if (joins && levelOf(next) > 0) {
      const items = [...(await this.#itemsOf(last)), ...(await this.#itemsOf(next))]
      if (items.length <= this.#sealItems) {
        for (const one of [last, next]) if (!isDraft(one)) this.dropped.push((one as Chapter).key)
        nodes[nodes.length - 1] = { level: levelOf(next), items }
        return
      }
    }
    nodes.push(next)
  }

  async #itemsOf(node: Node): Promise<readonly Node[]> {
    return isDraft(node) ? node.items : readChapter(this.#objects, node as Chapter)
  }
}

function isDraft(node: Node): node is DraftChapter {
  return 'items' in node
}

/** 0: a file. */
function levelOf(node: Node): number {
  return 'level' in node ? node.level : 0
}

/** The replaced lists of a manifest with some more objects, in the newest list where that is young enough. */
async function withReplaced(
  objects: ObjectStore,
  { stream, topic, partition, replaced = [] }: Manifest,
  dropped: readonly string[],
  replacedMs: number,
): Promise<readonly ReplacedList[]> {
  const newest = replaced.at(-1)
  const joins = newest !== undefined && Math.abs(replacedMs - newest.fromMs) < LIST_SPAN_MS
  const before = joins ? await readReplaced(objects, newest) : []
  const all = [...before, ...dropped.map((key) => ({ key, replacedMs }))]
  const body: ReplacedBody = { form: 1, objects: all }
  const key = replacedKey(stream, topic, partition, randomUUID())
  await putNew(objects, key, Buffer.from(JSON.stringify(body)))
  const times = all.map((one) => one.replacedMs)
  const [fromMs, toMs] = [Math.min(...times), Math.max(...times)]
  return [...(joins ? replaced.slice(0, -1) : replaced), { key, fromMs, toMs, objects: all.length }]
}

/** What a replaced list names. Rejects with code CORRUPT where its object is gone: the sweep deletes it last. */
export async function readReplaced(
  objects: ObjectStore,
  { key }: ReplacedList,
): Promise<ReplacedBody['objects']> {
  const stored = await objects.get(key)
  if (stored === undefined) throw new PortError('CORRUPT', `replaced list ${key} is gone`, { curable: false })
  return (JSON.parse(Buffer.from(stored.bytes).toString()) as ReplacedBody).objects
}
