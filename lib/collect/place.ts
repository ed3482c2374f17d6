/** Where a record stands in its run: records of a run are ordered by source, then by position. */
export interface Place {
  /** Number of the source in the run, from 0. A run that loops goes on counting in its next round. */
  readonly source: number
  /** Number of the record in the source, from 0; -1: before the first. */
  readonly position: number
}

export function atOrBefore(a: Place, b: Place): boolean {
  return a.source < b.source || (a.source === b.source && a.position <= b.position)
}

export function later(a: Place, b: Place): Place {
  return atOrBefore(a, b) ? b : a
}

export function earliest(places: readonly Place[]): Place {
  return places.reduce((least, place) => (atOrBefore(least, place) ? least : place))
}
