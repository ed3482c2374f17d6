import { Reader, type Response } from 'mmdb-lib'
import { type TableDefinition, TableError } from '../stream/table.ts'

/** A database of addresses. */
export interface IpDatabase {
  /** What it says of the network that holds the address; undefined where it says nothing. */
  get(address: string): Response | undefined
}

/** A MaxMind DB file that the user brings (GeoLite2-City, GeoLite2-ASN, ...). Format: https://maxmind.github.io/MaxMind-DB/ */
export function mmdb(): TableDefinition<IpDatabase> {
  return {
    takes: 'a MaxMind DB file (.mmdb)',
    empty: { get: () => undefined },
    parse: (bytes) => {
      try {
        const reader = new Reader<Response>(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
        return { get: (address) => reader.get(address) ?? undefined }
      } catch (error) {
        throw new TableError('not a MaxMind DB file', { cause: error })
      }
    },
  }
}
