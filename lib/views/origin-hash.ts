import { finish, hashText, hashWords } from './hash.ts'

const SEED = 0x2545f491

/** For one raw partition: 32 bits of each record's origin, by its offset. Not of the site: a site's views are its own. */
export function originHash(topic: string, partition: number): (offset: number) => number {
  const place = finish(hashText(topic, SEED) ^ Math.imul(partition + 1, 0x9e3779b1))
  return (offset) => hashWords(offset >>> 0, Math.floor(offset / 4_294_967_296), place)
}
