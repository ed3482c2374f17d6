import { PortError } from '../ports/errors.ts'

/**
 * By when everything must be done: in Lambda, shortly before the invocation is killed. One object is made with the
 * ports and renewed at each invocation, so that adapters made once at module scope follow it.
 */
export class Deadline {
  #atMs: number

  constructor(atMs = Infinity) {
    this.#atMs = atMs
  }

  /** Unix ms. */
  renew(atMs: number): void {
    this.#atMs = atMs
  }

  remainingMs(): number {
    return this.#atMs - Date.now()
  }

  /**
   * `timeoutMs`, cut so that it ends `spareMs` before the deadline. Throws TIMEOUT, curable, where less than
   * `leastMs` would be left: what is not begun leaves no doubt behind.
   */
  cut(timeoutMs: number, spareMs = 0, leastMs = 1): number {
    const leftMs = Math.floor(this.remainingMs() - spareMs)
    if (leftMs < leastMs)
      throw new PortError('TIMEOUT', 'too little time is left before the deadline to begin', {
        curable: true,
      })
    return Math.min(timeoutMs, leftMs)
  }
}

export const NO_DEADLINE = new Deadline()
