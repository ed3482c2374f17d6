import { describe, it } from 'vitest'
import type { ObjectStore } from '../../lib/ports/object-store.ts'

export interface OpenObjectStore {
  readonly store: ObjectStore
  /** A second, independent client of the same storage: for races. Closed by the suite. */
  readonly another: () => Promise<ObjectStore>
  readonly close: () => Promise<void>
}

/** Registers the contract of `ObjectStore` for one implementation. Keys are unique, so a shared server will do. */
export function objectStoreContract(name: string, _open: () => Promise<OpenObjectStore>): void {
  describe(`ObjectStore contract: ${name}`, () => {
    it.todo('holds')
  })
}
