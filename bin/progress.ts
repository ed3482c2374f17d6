/** What a progress line shows. */
export interface Progress {
  /** Done so far, of `total` where that is known; any unit. */
  readonly done: number
  readonly total?: number | undefined
  /** For people: "120,000 records, 35,000 a second". */
  readonly text: string
}

export interface ProgressLine {
  update(progress: Progress): void
  /** Takes the line away, so that what is printed next starts on a clean one. */
  clear(): void
}

const SHOWN_AFTER_MS = 1000
const EVERY_MS = 100
const BAR_WIDTH = 24

const SILENT: ProgressLine = { update: () => undefined, clear: () => undefined }

/**
 * A progress bar on stderr for what takes over a second; nothing where stderr is no terminal or there is `NO_PROGRESS` in
 * the environment. Call `update` as often as you like: it draws ten times a second at most.
 */
export function progressLine(out: NodeJS.WriteStream = process.stderr): ProgressLine {
  if (!out.isTTY || process.env.NO_PROGRESS !== undefined) return SILENT
  const startedMs = Date.now()
  let drawnMs = 0
  return {
    update(progress) {
      const nowMs = Date.now()
      if (nowMs - startedMs < SHOWN_AFTER_MS || nowMs - drawnMs < EVERY_MS) return
      drawnMs = nowMs
      out.write(`\r${progressText(progress, out.columns ?? 80)}\u001b[K`)
    },
    clear() {
      if (drawnMs > 0) out.write('\r\u001b[K')
      drawnMs = 0
    },
  }
}

/** The line: a bar where the total is known, cut to `columns`. */
export function progressText({ done, total, text }: Progress, columns: number): string {
  if (total === undefined || total <= 0) return text.slice(0, columns - 1)
  const share = Math.min(1, Math.max(0, done / total))
  const full = Math.floor(share * BAR_WIDTH)
  const percent = `${Math.floor(share * 100)}`.padStart(3)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${percent}% ${text}`.slice(0, columns - 1)
}
