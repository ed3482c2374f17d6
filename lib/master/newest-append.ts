import type { ObjectStore } from '../ports/object-store.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import type { Manifest, MasterFile } from './manifest.ts'
import { filesBackwards } from './manifest-store.ts'
import { readMasterFile } from './read-file.ts'

/** A record's append time, Unix ms, and the data file that holds it. */
export interface NewestAppend {
  readonly appendMs: number
  readonly key: string
}

type End = (manifest: Manifest) => number

/**
 * The highest append time of the records below each partition's end; undefined where there are none. Reads the newest files'
 * entries in the manifests, back to where append times can no longer be higher: within a partition they step back by
 * `slackMs` at most. Only a file that reaches beyond the end is opened.
 */
export async function newestAppend(
  objects: ObjectStore,
  manifests: readonly Manifest[],
  endOf: End,
  slackMs: number,
): Promise<NewestAppend | undefined> {
  const found = await mapAtOnce(manifests, (manifest) =>
    newestOf(objects, manifest, endOf(manifest), slackMs),
  )
  return found.reduce(later, undefined)
}

async function newestOf(
  objects: ObjectStore,
  manifest: Manifest,
  end: number,
  slackMs: number,
): Promise<NewestAppend | undefined> {
  let newest: NewestAppend | undefined
  for await (const file of filesBackwards(objects, manifest)) {
    if (file.from >= end) continue
    const { key, maxAppendMs, minAppendMs } = file
    const appendMs = file.to <= end ? maxAppendMs : await newestBelow(objects, file, end)
    newest = later(newest, { appendMs, key })
    if (newest !== undefined && minAppendMs + slackMs < newest.appendMs) break
  }
  return newest
}

function later(a: NewestAppend | undefined, b: NewestAppend | undefined): NewestAppend | undefined {
  return a === undefined || (b !== undefined && b.appendMs > a.appendMs) ? b : a
}

async function newestBelow(objects: ObjectStore, file: MasterFile, end: number): Promise<number> {
  let newestMs = file.minAppendMs
  let offset = file.from
  const wanted = { fields: [], envelope: ['weir_append_time'] as const }
  for await (const chunk of readMasterFile(objects, file, wanted)) {
    const times = chunk.envelope('weir_append_time') ?? []
    for (let i = 0; i < chunk.rows && offset + i < end; i++) newestMs = Math.max(newestMs, Number(times[i]))
    offset += chunk.rows
  }
  return newestMs
}
