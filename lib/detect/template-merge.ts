import { ANY_WORD, VARIABLE } from './template-mask.ts'
import { PartHashes } from './template-part-hashes.ts'
import { BEFORE_NAMES } from './template-words.ts'

/** Masked lines that are the same: gap, word, gap, ..., gap, and how many lines they are. */
export interface Form {
  readonly parts: readonly string[]
  readonly count: number
}

/** A template and the forms, by position, that it is made of. */
export interface Merged {
  readonly parts: readonly string[]
  readonly members: readonly number[]
}

/** Words that forms must have in common besides the one they differ in. */
const COMMON_WORDS_MIN = 2
/** Different words that make a place a variable: after `user` and the like, and elsewhere. */
const NAMES_MIN = 2
const VALUES_MIN = 5
/** ...of which this share was seen once: words still come that were not seen before, so their set is open. */
const SEEN_ONCE_MIN = 0.25
/** So many different words are a variable whatever their counts. */
const VALUES_SURE = 50
/** Two places vary together only where there are more examples: chance finds pairs more easily. */
const PAIRS_MIN = 20
const PAIRS_SEEN_ONCE_MIN = 0.5
/** Longer forms are not compared by pairs of places, whose number grows with the square. */
const PAIR_WORDS_MAX = 16
/** ...and only so many of them: what varies in two places is mostly seen once, so there are many. */
const PAIR_FORMS_MAX = 5000
const ROUNDS_MAX = 8

interface Group {
  readonly parts: readonly string[]
  readonly count: number
  readonly members: readonly number[]
}

/**
 * Finds the variables that do not look like one: forms that differ in one word only are one template where that word's
 * values look open-ended (many, a good part of them seen once), and not where they are a few fixed words that come again
 * and again, which are events of their own. Forms that differ in two places are looked at where one place finds nothing.
 * Deterministic for the forms in their order.
 */
export function mergeForms(forms: readonly Form[]): readonly Merged[] {
  let groups: readonly Group[] = forms.map(({ parts, count }, i) => ({ parts, count, members: [i] }))
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const next = mergedBy(groups, oneHole, isOpen) ?? mergedInPairs(groups)
    if (next === undefined) break
    groups = next
  }
  return groups
}

/** Among the first few thousand of those that are short enough; the others stay as they are. */
function mergedInPairs(groups: readonly Group[]): readonly Group[] | undefined {
  const short = groups.filter(({ parts }) => hasPairs(parts)).slice(0, PAIR_FORMS_MAX)
  if (short.length < PAIRS_MIN) return undefined
  const merged = mergedBy(short, twoHoles, areOpen)
  if (merged === undefined) return undefined
  const looked = new Set(short)
  return sameOnce([...merged, ...groups.filter((group) => !looked.has(group))])
}

/** Places in `parts` to leave open, e.g. [3] or [3, 7]. */
type Holes = readonly number[]
/** Forms that are the same but for their holes. */
interface Candidate {
  readonly holes: Holes
  readonly at: number[]
}

/** The groups after the best merges, each group in at most one; undefined where nothing merges. */
function mergedBy(
  groups: readonly Group[],
  holesOf: (parts: readonly string[]) => Iterable<Holes>,
  accept: (groups: readonly Group[], holes: Holes) => boolean,
): readonly Group[] | undefined {
  const pick = (at: readonly number[]) => at.map((i) => groups[i] as Group)
  const candidates = candidatesOf(groups, holesOf)
    .filter(({ holes, at }) => at.length >= 2 && accept(pick(at), holes))
    .sort((a, b) => b.at.length - a.at.length || (a.at[0] ?? 0) - (b.at[0] ?? 0))
  const used = new Set<number>()
  const made: Group[] = []
  for (const { holes, at } of candidates) {
    const free = at.filter((i) => !used.has(i))
    if (free.length < 2 || (free.length < at.length && !accept(pick(free), holes))) continue
    for (const i of free) used.add(i)
    made.push(union(pick(free), holes))
  }
  if (made.length === 0) return undefined
  return sameOnce([...made, ...groups.filter((_, i) => !used.has(i))])
}

function candidatesOf(
  groups: readonly Group[],
  holesOf: (parts: readonly string[]) => Iterable<Holes>,
): readonly Candidate[] {
  const hashes = new PartHashes()
  const byRest = new Map<number, Candidate>()
  groups.forEach(({ parts }, i) => {
    hashes.read(parts)
    for (const holes of holesOf(parts)) {
      const rest = hashes.without(holes)
      const candidate = byRest.get(rest)
      if (candidate === undefined) byRest.set(rest, { holes, at: [i] })
      else if (sameBut(groups[candidate.at[0] ?? 0]?.parts ?? [], parts, holes, candidate.holes))
        candidate.at.push(i)
    }
  })
  return [...byRest.values()]
}

/** Equal hashes are not believed: forms of one candidate are the same but for its holes. */
function sameBut(a: readonly string[], b: readonly string[], holes: Holes, known: Holes): boolean {
  if (a.length !== b.length || holes.some((hole, i) => hole !== known[i])) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !holes.includes(i)) return false
  return true
}

function withHoles(parts: readonly string[], holes: Holes): string[] {
  const open = [...parts]
  for (const hole of holes) open[hole] = ANY_WORD
  return open
}

/** Places of the words that are no variables. */
function wordsOf(parts: readonly string[]): readonly number[] {
  const places: number[] = []
  for (let i = 1; i < parts.length; i += 2) if (parts[i] !== VARIABLE && parts[i] !== ANY_WORD) places.push(i)
  return places
}

function* oneHole(parts: readonly string[]): Generator<Holes> {
  const words = wordsOf(parts)
  if (words.length > COMMON_WORDS_MIN) for (const word of words) yield [word]
}

function hasPairs(parts: readonly string[]): boolean {
  const words = wordsOf(parts).length
  return words >= COMMON_WORDS_MIN + 2 && words <= PAIR_WORDS_MAX
}

function* twoHoles(parts: readonly string[]): Generator<Holes> {
  const words = wordsOf(parts)
  for (const [i, first] of words.entries()) for (const second of words.slice(i + 1)) yield [first, second]
}

function isOpen(groups: readonly Group[], [hole = 0]: Holes): boolean {
  const parts = groups[0]?.parts ?? []
  const before = parts[hole - 2]?.toLowerCase()
  if (before !== undefined && BEFORE_NAMES.has(before) && /^ ['"]?$/.test(parts[hole - 1] ?? ''))
    return groups.length >= NAMES_MIN
  return (
    groups.length >= VALUES_SURE || (groups.length >= VALUES_MIN && shareSeenOnce(groups) >= SEEN_ONCE_MIN)
  )
}

function areOpen(groups: readonly Group[], holes: Holes): boolean {
  const different = (hole: number) => new Set(groups.map(({ parts }) => parts[hole])).size
  return (
    groups.length >= PAIRS_MIN &&
    holes.every((hole) => different(hole) >= VALUES_MIN) &&
    shareSeenOnce(groups) >= PAIRS_SEEN_ONCE_MIN
  )
}

/** After Good and Turing: what was seen once measures what was not seen yet. */
function shareSeenOnce(groups: readonly Group[]): number {
  return groups.filter(({ count }) => count === 1).length / groups.length
}

function union(groups: readonly Group[], holes: Holes): Group {
  return {
    parts: withHoles(groups[0]?.parts ?? [], holes),
    count: groups.reduce((sum, { count }) => sum + count, 0),
    members: groups.flatMap(({ members }) => members),
  }
}

/** Groups that have come to the same template by different ways are one, with the wider of two kinds of variables. */
function sameOnce(groups: readonly Group[]): readonly Group[] {
  const byText = new Map<string, Group>()
  for (const group of groups) {
    // Parts may differ where their text does not: a gap may hold what looks like a variable.
    const text = group.parts.map((part) => (part === ANY_WORD ? VARIABLE : part)).join('\u0001')
    const same = byText.get(text)
    const both = same === undefined ? group : union([same, group], widerHoles(same.parts, group.parts))
    byText.set(text, both)
  }
  return [...byText.values()]
}

function widerHoles(a: readonly string[], b: readonly string[]): Holes {
  return [...a.keys()].filter((i) => a[i] === ANY_WORD || b[i] === ANY_WORD)
}
