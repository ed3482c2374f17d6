import type { BatchFigures } from '../ports/metrics.ts'

/** What one invocation did to the world, in order, in a form that JSON can hold. */
export interface Recording {
  readonly produced: Produced[]
  readonly items: ItemChange[]
  readonly objects: ObjectChange[]
  readonly pushed: Pushed[]
  readonly figures: BatchFigures[]
}

/** One append. */
export interface Produced {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly records: readonly {
    readonly key?: Content
    readonly value: Content
    readonly headers?: Readonly<Record<string, Content>>
  }[]
}

export interface ItemChange {
  readonly change: 'put' | 'delete'
  readonly pk: string
  readonly sk: string
  /** False where its condition did not hold: nothing was written. */
  readonly done: boolean
  readonly rev?: string
  readonly sizeBytes?: number
  readonly data?: Content
}

export interface ObjectChange {
  readonly change: 'put' | 'delete'
  readonly key: string
  readonly done: boolean
  readonly sizeBytes?: number
}

/** A frame as the client would have got it. */
export interface Pushed {
  readonly connectionId: string
  readonly frame: Content
}

/** Bytes for people: the value of JSON text, other text as it is, anything else in base64. */
export type Content = unknown

export function newRecording(): Recording {
  return { produced: [], items: [], objects: [], pushed: [], figures: [] }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

export function contentOf(bytes: Uint8Array): Content {
  try {
    return textContent(UTF8.decode(bytes))
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

export function textContent(text: string): Content {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
