const PATIENCE_MS = 90_000

/** Resolves once `there` is true; rejects after a minute and a half, saying what was awaited. */
export async function until(what: string, there: () => boolean | Promise<boolean>): Promise<void> {
  for (const startedMs = performance.now(); !(await there()); ) {
    if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
