import { describe, it } from 'vitest'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'

export interface OpenKeyedStore {
  readonly store: KeyedStore
  /** A second, independent client of the same storage: for races. Closed by the suite. */
  readonly another: () => Promise<KeyedStore>
  readonly close: () => Promise<void>
}

/** Registers the contract of `KeyedStore` for one implementation. Partition keys are unique, so a shared server will do. */
export function keyedStoreContract(name: string, _open: () => Promise<OpenKeyedStore>): void {
  describe(`KeyedStore contract: ${name}`, () => {
    it.todo('holds')
  })
}
