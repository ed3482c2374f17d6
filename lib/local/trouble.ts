/** Different things told at most: what is always new says nothing any more. */
const TOLD_MAX = 100

/** Passes on each different message once. What fails every second is one piece of news, and what passes is none. */
export function tellOnce(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>()
  return (message) => {
    if (told.has(message) || told.size >= TOLD_MAX) return
    told.add(message)
    tell(message)
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
