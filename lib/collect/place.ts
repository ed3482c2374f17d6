/** Where a record stands in its run: records of a run are ordered by source, then by position. */
export interface Place {
  /** Number of the source in the run, from 0. A run that loops goes on counting in its next round. */
  readonly source: number
  /**
   * Where the record stands in the source: its number, from 0 (-1: before the first), or in a source that goes on for
   * ever what that source can be asked to go on from, a byte or a cursor. Never decreases within a source.
   */
  readonly position: number
  /** Tells records of one position apart, from 0. */
  readonly nth?: number
}

export function atOrBefore(a: Place, b: Place): boolean {
  return a.source < b.source || (a.source === b.source && a.position <= b.position)
}

/** Of two places in one source. */
export function notAfter(a: Omit<Place, 'source'>, b: Omit<Place, 'source'>): boolean {
  return a.position < b.position || (a.position === b.position && (a.nth ?? 0) <= (b.nth ?? 0))
}

export function later(a: Place, b: Place): Place {
  return atOrBefore(a, b) ? b : a
}

export function earliest(places: readonly Place[]): Place {
  return places.reduce((least, place) => (atOrBefore(least, place) ? least : place))
}
